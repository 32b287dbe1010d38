"""Whether a received webhook is genuine, and if not, why: Standard Webhooks 1.0 on the receiver's side."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from watcher.core.instants import period_text
from watcher.core.webhooks.signature import verify

TOLERANCE = timedelta(minutes=5)

_ID, _TIMESTAMP, _SIGNATURE = _HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
_MOST_DIGITS = 11
"""Until the year 5138."""

_VERSION = "v1,"


def refusal(secrets: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: datetime) -> str | None:
    """None if a signature is by one of the secrets and at most five minutes off; else the reason, for a developer.

    `headers` are looked up in any case. The reason repeats nothing of what arrived.
    """
    if (wrong := _malformed(headers)) is not None:
        return wrong
    timestamp = headers[_TIMESTAMP]
    age = int(now.timestamp()) - int(timestamp)
    if abs(age) > TOLERANCE.total_seconds():
        direction = "old" if age > 0 else "ahead of the clock here"
        return (
            f"its webhook-timestamp is {period_text(timedelta(seconds=abs(age)))} {direction}, "
            f"more than {period_text(TOLERANCE)} off: a repeat of old bytes, or a clock that is wrong"
        )
    if not verify(secrets, headers[_ID], int(timestamp), body, headers[_SIGNATURE]):
        known = "the secret" if len(secrets) == 1 else f"any of the {len(secrets)} secrets"
        return f"no signature is by {known}: it was signed with another one, or the body was changed on its way"
    return None


def _malformed(headers: Mapping[str, str]) -> str | None:
    if missing := [name for name in _HEADERS if not headers.get(name)]:
        return f"it lacks {' and '.join(missing)}: not a webhook, or something on its way took the headers"
    if not all(headers[name].isascii() for name in _HEADERS):
        return "its webhook headers are not ASCII"
    if not headers[_TIMESTAMP].isdecimal() or len(headers[_TIMESTAMP]) > _MOST_DIGITS:
        return "its webhook-timestamp is not a number of Unix seconds"
    if not any(part.startswith(_VERSION) for part in headers[_SIGNATURE].split(" ")):
        return "its webhook-signature holds no signature of version v1"
    return None
