"""How webhooks prove who sent them: signatures, a key in a header, a user or a token. Constant-time compares."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from datetime import datetime

from watcher.core.webhooks.signature import decode_secret
from watcher.core.webhooks.verification import TOLERANCE, refusal
from watcher.ports import HintRequest

_EMPTY = "a secret for hints is empty"

Verifier = Callable[[HintRequest], bool]
"""Whether a request is genuine. Never raises."""

_PREFIXES = ("webhook-", "svix-")
_PARTS = ("id", "timestamp", "signature")
_MOST_SIGNATURES = 8
"""Of one webhook: a provider sends two while a secret is replaced."""
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


def hmac_sha256(header: str, secrets: Sequence[str], *, is_hex: bool = False, covers_url: bool = False) -> Verifier:
    """HMAC-SHA256 of the body, perhaps after the URL, in a header whose name is in lower case.

    Raises ValueError for an empty secret.
    """
    keys = _keys(secrets)

    def verify(request: HintRequest) -> bool:
        signed = (_octets(request.url) if covers_url else b"") + request.body
        digests = [hmac.digest(key, signed, "sha256") for key in keys]
        expected = [digest.hex() if is_hex else b64encode(digest).decode() for digest in digests]
        return _is_any([request.headers.get(header, "")], expected)

    return verify


def timestamped_hmac(header: str, secrets: Sequence[str]) -> Verifier:
    """`t=SECONDS,v1=HEX` in a header, as Stripe sends it: HMAC-SHA256 of `SECONDS.BODY`, at most five minutes old.

    Raises ValueError for an empty secret.
    """
    keys = _keys(secrets)

    def verify(request: HintRequest) -> bool:
        parts = [part.strip().partition("=") for part in request.headers.get(header, "").split(",")]
        timestamp = next((value for name, _, value in parts if name == "t"), "")
        given = [value for name, _, value in parts if name == "v1"][:_MOST_SIGNATURES]
        signed = _octets(timestamp) + b"." + request.body
        expected = [hmac.digest(key, signed, "sha256").hex() for key in keys]
        return _is_any(given, expected) and is_recent(timestamp, request.now)

    return verify


def basic(secrets: Sequence[str]) -> Verifier:
    """HTTP Basic authentication; a secret is `USER:PASSWORD`. Raises ValueError for any other."""
    if not all(":" in secret for secret in secrets):
        raise ValueError(
            "a secret for hints is no user with a password, must be USER:PASSWORD as the provider has them"
        )
    known = _digests(secrets)

    def verify(request: HintRequest) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            pair = b64decode(given.strip(), validate=True).decode()
        except ValueError:
            return False
        return scheme.lower() == "basic" and _is_known(pair, known)

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


def _is_any(given: Sequence[str], expected: Sequence[str]) -> bool:
    return sum(is_same(one, other) for one in given for other in expected) > 0  # unlike any(), compares all of them


def _is_known(given: str, known: Sequence[bytes]) -> bool:
    digest = _digest(given)
    return sum(hmac.compare_digest(digest, one) for one in known) > 0  # unlike any(), compares all of them


def _keys(secrets: Sequence[str]) -> tuple[bytes, ...]:
    """The secrets as text, whatever form they have: `whsec_` is a part of Stripe's."""
    if not all(secrets):
        raise ValueError(_EMPTY)
    return tuple(_octets(secret) for secret in secrets)


def _digests(secrets: Sequence[str]) -> tuple[bytes, ...]:
    """Of equal length, so that a comparison does not show how long a secret is."""
    if not all(secrets):
        raise ValueError(_EMPTY)
    return tuple(_digest(secret) for secret in secrets)


def _digest(text: str) -> bytes:
    return hashlib.sha256(_octets(text)).digest()


def _octets(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # headers with other bytes than UTF-8 contain surrogates
