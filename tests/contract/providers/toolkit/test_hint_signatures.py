"""Held against the public libraries of Standard Webhooks and Svix."""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import standardwebhooks
import svix
from hypothesis import given
from hypothesis import strategies as st

from watcher.ports import HintRequest
from watcher.providers.toolkit.hint_signatures import bearer_token, is_recent, shared_key, standard_webhooks

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SECRET, OLD_SECRET, FOREIGN_SECRET = (
    "whsec_" + base64.b64encode(text).decode()
    for text in (b"a secret of twenty-five b", b"its predecessor, 24 bytes", b"somebody else's, 26 bytes!")
)
BODY = '{"type":"invoice.paid","invoice_id":"inv_1","note":"à bientôt"}'
HEADER_TEXT = st.text(st.characters(exclude_characters="\r\n\0"), max_size=80)


def request(headers: Mapping[str, str], *, body: str | bytes = BODY, now: datetime = NOW) -> HintRequest:
    octets = body.encode() if isinstance(body, str) else body
    return HintRequest("https://hooks.example.com/hints/acme", headers, octets, now)


def signed(secret: str = SECRET, *, prefix: str = "webhook-", at: datetime = NOW, body: str = BODY) -> dict[str, str]:
    return {
        f"{prefix}id": "msg_1",
        f"{prefix}timestamp": str(int(at.timestamp())),
        f"{prefix}signature": standardwebhooks.Webhook(secret).sign("msg_1", at, body),
    }


def by_svix(secret: str, at: datetime, body: str) -> dict[str, str]:
    return {
        "svix-id": "msg_1",
        "svix-timestamp": str(int(at.timestamp())),
        "svix-signature": svix.Webhook(secret).sign("msg_1", at, body),
    }


@pytest.mark.parametrize("prefix", ["webhook-", "svix-"])
def test_what_the_public_libraries_sign_is_genuine_in_both_sets_of_headers(prefix: str) -> None:
    verify = standard_webhooks([SECRET])
    assert verify(request(signed(prefix=prefix)))
    assert verify(request(by_svix(SECRET, NOW, BODY)))


@given(body=st.text(st.characters(exclude_categories=["Cs"])), key=st.binary(min_size=24, max_size=64))
def test_any_body_that_they_sign_with_any_secret_is_genuine(body: str, key: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    headers = signed(secret, body=body)
    assert standard_webhooks([secret])(request(headers, body=body))
    assert not standard_webhooks([secret])(request(headers, body=body + " "))


def test_they_agree_about_what_is_genuine_now() -> None:
    now = datetime.now(UTC)
    for headers in (signed(prefix="svix-", at=now), signed(FOREIGN_SECRET, prefix="svix-", at=now)):
        try:
            svix.Webhook(SECRET).verify(BODY, headers)
            expected = True
        except svix.WebhookVerificationError:
            expected = False
        assert standard_webhooks([SECRET])(request(headers, now=now)) is expected


def test_either_secret_is_enough_while_they_rotate() -> None:
    verify = standard_webhooks([SECRET, OLD_SECRET])
    assert verify(request(signed(SECRET)))
    assert verify(request(signed(OLD_SECRET)))
    assert not verify(request(signed(FOREIGN_SECRET)))
    assert not standard_webhooks([SECRET])(request(signed(OLD_SECRET)))


def test_one_right_signature_in_a_list_is_enough() -> None:
    headers = signed()
    wrong = signed(FOREIGN_SECRET)["webhook-signature"]
    right = headers["webhook-signature"]
    verify = standard_webhooks([SECRET])
    assert verify(request(headers | {"webhook-signature": f"v1a,xyz {wrong} {right}"}))
    assert not verify(request(headers | {"webhook-signature": f"v1a,xyz {wrong}"}))


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(minutes=5), True),
        (timedelta(minutes=-5), True),
        (timedelta(minutes=5, seconds=1), False),
        (timedelta(minutes=-5, seconds=-1), False),
        (timedelta(days=365), False),
    ],
)
def test_five_minutes_are_tolerated_both_ways(age: timedelta, *, expected: bool) -> None:
    headers = signed(at=NOW - age)
    assert standard_webhooks([SECRET])(request(headers)) is expected
    assert is_recent(headers["webhook-timestamp"], NOW) is expected


@pytest.mark.parametrize("timestamp", ["", "now", "-5", "+5", "1e9", "1_000", "²", "٣", "1" * 12, "1" * 5000])
def test_what_is_no_time_is_not_recent(timestamp: str) -> None:
    assert not is_recent(timestamp, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-id": ""},
        {"webhook-id": "ü"},
        {"webhook-timestamp": str(int(NOW.timestamp()) + 1)},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "²"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": signed()["webhook-signature"].removeprefix("v1,")},
        {"webhook-signature": signed()["webhook-signature"].replace("v1,", "v2,")},
        {"webhook-signature": signed()["webhook-signature"].replace("v1,", "V1,")},
        {"webhook-signature": "v1," + "A" * 7000},
        {"webhook-signature": "v1,\udc80"},
    ],
)
def test_anything_forged_is_refused(change: dict[str, str]) -> None:
    verify = standard_webhooks([SECRET])
    assert verify(request(signed()))
    assert not verify(request(signed() | change))


def test_headers_of_two_kinds_are_not_put_together() -> None:
    mixed = {**signed(), **signed(prefix="svix-")}
    assert standard_webhooks([SECRET])(request(mixed))
    for name in ("webhook-id", "svix-timestamp"):
        del mixed[name]
    assert not standard_webhooks([SECRET])(request(mixed))


@pytest.mark.parametrize("secret", ["", "plain", "whsec_!", "whsec_c2hvcnQ=", SECRET.removeprefix("whsec_")])
def test_a_secret_that_is_none_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match=r"webhook secret|base64") as caught:
        standard_webhooks([secret])
    assert not secret or secret not in str(caught.value)


def test_a_key_in_a_header_is_compared_whole() -> None:
    verify = shared_key("x-chargeover-key", ["the key", "the old key"])
    assert [verify(request({"x-chargeover-key": key})) for key in ("the key", "the old key")] == [True, True]
    for wrong in ("", "the", "the key ", "THE KEY", "the keyy", "ключ", "\udcff", "k" * 100_000):
        assert not verify(request({"x-chargeover-key": wrong}))
    assert not verify(request({}))


def test_a_bearer_token_is_compared_whole() -> None:
    verify = bearer_token(["token-1", "token-2"])
    for right in ("Bearer token-1", "bearer token-2", "BEARER  token-1 "):
        assert verify(request({"authorization": right}))
    for wrong in ("", "token-1", "Bearer", "Bearer ", "Basic token-1", "Bearer token-3", "Bearer token-1 token-2"):
        assert not verify(request({"authorization": wrong}))
    assert not verify(request({}))


@pytest.mark.parametrize("build", [partial(shared_key, "x"), bearer_token])
def test_an_empty_secret_would_let_everybody_in_and_no_secret_lets_nobody_in(
    build: Callable[[list[str]], Callable[[HintRequest], bool]],
) -> None:
    with pytest.raises(ValueError, match="empty"):
        build(["fine", ""])
    assert not build([])(request({"x": "", "authorization": "Bearer "}))


@given(st.dictionaries(st.sampled_from([*signed(), *signed(prefix="svix-"), "authorization", "x"]), HEADER_TEXT))
def test_no_headers_raise_anything(headers: dict[str, str]) -> None:
    for verify in (standard_webhooks([SECRET]), shared_key("x", ["key"]), bearer_token(["token"])):
        assert verify(request(headers)) in {True, False}
