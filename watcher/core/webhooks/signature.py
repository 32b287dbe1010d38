"""Standard Webhooks 1.0 signatures, version v1: HMAC-SHA256 over `id.timestamp.body`."""

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of key material that the standard allows."""

_VERSION = "v1"


def decode_secret(text: str) -> bytes:
    """The key inside `whsec_…`; missing base64 padding is accepted, as in the standard's libraries.

    Raises ValueError with a message for operators that never repeats any of the secret.
    """
    if not text.startswith(PREFIX):
        raise ValueError(f"a webhook secret starts with {PREFIX}")
    encoded = text.removeprefix(PREFIX).rstrip("=")
    try:
        key = b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"what follows {PREFIX} is not base64") from None
    _check_length(key)
    return key


def new_secret(random_bytes: bytes) -> str:
    """Encode key material from a secure source as a secret to configure.

    Raises ValueError unless it has 24 to 64 bytes.
    """
    _check_length(random_bytes)
    return PREFIX + b64encode(random_bytes).decode("ascii")


class Signer:
    """Signs with keys that are prepared once: preparing one takes as long as signing a kilobyte with it."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        """`secrets` are newest first."""
        self._keys = tuple(hmac.new(secret, digestmod="sha256") for secret in secrets)

    def sign(self, event_id: str, timestamp: int, body: bytes) -> str:
        """The `webhook-signature` header: one signature per secret, newest first."""
        signed = b"%b.%d.%b" % (event_id.encode(), timestamp, body)
        return " ".join([f"{_VERSION},{_mac(key, signed)}" for key in self._keys])


def sign(secrets: Sequence[bytes], event_id: str, timestamp: int, body: bytes) -> str:
    """`Signer.sign`, for a single signature."""
    return Signer(secrets).sign(event_id, timestamp, body)


def verify(secrets: Sequence[bytes], event_id: str, timestamp: int, body: bytes, header: str) -> bool:
    """Whether any signature in `header` is by one of the secrets. The caller checks how old `timestamp` may be."""
    expected = [part.encode() for part in sign(secrets, event_id, timestamp, body).split()]
    given = [part.encode() for part in header.split(" ") if part]
    return any(hmac.compare_digest(one, other) for one in expected for other in given)


def _mac(key: hmac.HMAC, signed: bytes) -> str:
    mac = key.copy()
    mac.update(signed)
    return b64encode(mac.digest()).decode("ascii")


def _check_length(key: bytes) -> None:
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"a webhook secret holds {SHORTEST} to {LONGEST} bytes, this one {len(key)}")
