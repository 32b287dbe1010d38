import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from watcher.core.webhooks.signature import new_secret, sign
from watcher.core.webhooks.verification import TOLERANCE, refusal

KEY, OTHER = bytes(range(24)), bytes(range(50, 90))
NOW = datetime(2026, 11, 22, 10, 0, 0, 900000, tzinfo=UTC)
BODY = '{"type":"webhook.test","data":{"name":"Zoë"}}'.encode()


def headers(at: datetime = NOW, *keys: bytes) -> dict[str, str]:
    seconds = int(at.timestamp())
    return {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(seconds),
        "webhook-signature": sign(keys or (KEY,), "evt_1", seconds, BODY),
    }


@pytest.mark.parametrize("off", [timedelta(0), TOLERANCE, -TOLERANCE])
def test_what_is_signed_by_any_secret_within_five_minutes_is_believed(off: timedelta) -> None:
    assert refusal([OTHER, KEY], headers(NOW + off), BODY, NOW) is None
    assert refusal([KEY], headers(NOW + off, OTHER, KEY), BODY, NOW) is None


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_or_empty_header_is_named(name: str) -> None:
    for wrong in ({key: value for key, value in headers().items() if key != name}, {**headers(), name: ""}):
        assert (refusal([KEY], wrong, BODY, NOW) or "").startswith(f"it lacks {name}")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"webhook-timestamp": "soon"}, "not a number of Unix seconds"),
        ({"webhook-timestamp": "-1"}, "not a number of Unix seconds"),
        ({"webhook-timestamp": "9" * 5000}, "not a number of Unix seconds"),
        ({"webhook-timestamp": "9" * 11}, "ahead of the clock here"),
        ({"webhook-id": "evt_\udcff"}, "not ASCII"),
        ({"webhook-signature": "v1a,AAAA"}, "no signature of version v1"),
        ({"webhook-signature": "v1,AAAA"}, "no signature is by the secret"),
        ({"webhook-id": "evt_2"}, "no signature is by the secret"),
    ],
)
def test_what_is_wrong_with_a_header_is_reported(wrong: dict[str, str], words: str) -> None:
    assert words in (refusal([KEY], {**headers(), **wrong}, BODY, NOW) or "")


def test_an_old_or_early_timestamp_is_reported_with_how_far_it_is_off() -> None:
    old, early = (refusal([KEY], headers(NOW + off), BODY, NOW) for off in (timedelta(hours=-2), timedelta(minutes=6)))
    assert "is 2h old, more than 5m off" in (old or "")
    assert "is 6m ahead of the clock here" in (early or "")


def test_another_secret_or_body_is_reported() -> None:
    assert "any of the 2 secrets" in (refusal([OTHER, OTHER], headers(), BODY, NOW) or "")
    assert "the body was changed" in (refusal([KEY], headers(), BODY + b" ", NOW) or "")


@given(
    st.dictionaries(st.sampled_from(list(headers())), st.text() | st.from_regex(r"(v1,)?[0-9]{1,20}", fullmatch=True)),
    st.binary(),
)
def test_nothing_that_arrives_upsets_it_or_passes_by_chance(arrived: dict[str, str], body: bytes) -> None:
    assert refusal([KEY], {**headers(), **arrived}, body + b"!", NOW) is not None


def test_it_agrees_with_the_public_library() -> None:
    now = datetime.now(UTC)
    wrong = {**headers(now), "webhook-signature": "v1," + base64.b64encode(bytes(32)).decode()}
    public = Webhook(new_secret(KEY))
    public.verify(BODY, headers(now))
    with pytest.raises(WebhookVerificationError):
        public.verify(BODY, wrong)
    assert refusal([KEY], headers(now), BODY, now) is None
    assert refusal([KEY], wrong, BODY, now) is not None
