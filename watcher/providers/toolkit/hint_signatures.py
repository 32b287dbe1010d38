"""How webhooks prove who sent them: Standard Webhooks, a key in a header, a bearer token. Constant-time compares."""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime

from watcher.core.webhooks.signature import decode_secret
from watcher.core.webhooks.verification import TOLERANCE, refusal
from watcher.ports import HintRequest

Verifier = Callable[[HintRequest], bool]
"""Whether a request is genuine. Never raises."""

_PREFIXES = ("webhook-", "svix-")
_PARTS = ("id", "timestamp", "signature")
_MOST_DIGITS = 11
"""Until the year 5138."""


def standard_webhooks(secrets: Sequence[str]) -> Verifier:
    """Standard Webhooks 1.0, in its own headers or in Svix's. Raises ValueError for a secret that is not `whsec_…`."""
    keys = tuple(decode_secret(secret) for secret in secrets)

    def verify(request: HintRequest) -> bool:
        headers = (
            {f"webhook-{part}": request.headers.get(prefix + part, "") for part in _PARTS} for prefix in _PREFIXES
        )
        return any(refusal(keys, each, request.body, request.now) is None for each in headers)

    return verify


def shared_key(header: str, keys: Sequence[str]) -> Verifier:
    """The key itself in a header, whose name is in lower case. Raises ValueError for an empty key."""
    known = _digests(keys)
    return lambda request: _is_known(request.headers.get(header, ""), known)


def bearer_token(tokens: Sequence[str]) -> Verifier:
    """`Authorization: Bearer TOKEN`. Raises ValueError for an empty token."""
    known = _digests(tokens)

    def verify(request: HintRequest) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and _is_known(token.strip(), known)

    return verify


def is_recent(timestamp: str, now: datetime) -> bool:
    """Whether Unix seconds are at most five minutes before or after now."""
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _MOST_DIGITS):
        return False
    return abs(int(now.timestamp()) - int(timestamp)) <= TOLERANCE.total_seconds()


def is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(_octets(given), _octets(expected))


def _is_known(given: str, known: Sequence[bytes]) -> bool:
    digest = _digest(given)
    return sum(hmac.compare_digest(digest, one) for one in known) > 0  # unlike any(), compares all of them


def _digests(secrets: Sequence[str]) -> tuple[bytes, ...]:
    """Of equal length, so that a comparison does not show how long a secret is."""
    if not all(secrets):
        raise ValueError("a secret for hints is empty")
    return tuple(_digest(secret) for secret in secrets)


def _digest(text: str) -> bytes:
    return hashlib.sha256(_octets(text)).digest()


def _octets(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # headers with other bytes than UTF-8 contain surrogates
