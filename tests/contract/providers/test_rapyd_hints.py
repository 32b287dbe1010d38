"""The formula is written here a second time, from docs.rapyd.net/en/webhook-authentication."""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.ports import HintRequest
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.hints import hint_schemes

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
URL = "https://hooks.example.com/hints/acme"
KEYS = {"access_key": "rak_TESTACCESSKEY000001", "secret_key": "rsk_test_secret_do_not_use_0123456789abcdef"}
INVOICE = "invoice_e7a973caf0dd43e73707fe22767c268f"
BODY = json.dumps({"id": "wh_1", "type": "INVOICE_PAYMENT_SUCCEEDED", "data": {"id": INVOICE, "note": "déjà"}})
(SCHEME,) = hint_schemes(PROVIDERS["rapyd"], secrets=[], tokens=[], credentials=KEYS)


def signature(url: str, salt: str, timestamp: str, body: bytes, keys: Mapping[str, str] = KEYS) -> str:
    words = [url, salt, timestamp, keys["access_key"], keys["secret_key"]]
    digest = hmac.new(keys["secret_key"].encode("ascii"), digestmod=hashlib.sha256)
    for part in (*(word.encode() for word in words), body):
        digest.update(part)
    return b64encode(digest.hexdigest().encode("ascii")).decode("ascii")


def signed(
    *,
    url: str = URL,
    body: str = BODY,
    at: datetime = NOW,
    salt: str = "0123456789abcdef",
    keys: Mapping[str, str] = KEYS,
) -> HintRequest:
    timestamp = str(int(at.timestamp()))
    headers = {
        "salt": salt,
        "timestamp": timestamp,
        "signature": signature(url, salt, timestamp, body.encode(), keys),
        "access_key": keys["access_key"],
    }
    return HintRequest(url, headers, body.encode(), NOW)


def changed(request: HintRequest, **headers: str) -> HintRequest:
    return HintRequest(request.url, {**request.headers, **headers}, request.body, request.now)


def test_a_signature_that_was_computed_elsewhere_is_genuine() -> None:
    """`printf %s URL SALT TIME ACCESS SECRET BODY | openssl dgst -sha256 -hmac SECRET -r`, and base64 of its hex."""
    timestamp = str(int(NOW.timestamp()))
    headers = {"salt": "saltsalt0001", "timestamp": timestamp, "signature": OPENSSL}
    assert SCHEME.verify(HintRequest(URL, headers, b'{"type":"INVOICE_CREATED"}', NOW))


OPENSSL = "OWRiMWMzYjFkZjE2OTk1MWZmYzM3MjkxNDJiOWQyODM1YTJiOWE2YzM5NGY1YWQxZGViYmU3NmQxZWY1YjU5NQ=="


def test_the_access_key_may_be_missing_among_the_headers() -> None:
    request = signed()
    assert SCHEME.verify(request)
    headers = {name: value for name, value in request.headers.items() if name != "access_key"}
    assert SCHEME.verify(HintRequest(URL, headers, request.body, NOW))


@given(
    body=st.text(st.characters(exclude_categories=["Cs"])), salt=st.text("0123456789abcdef", min_size=8, max_size=16)
)
def test_any_body_is_genuine_as_it_was_sent_and_in_no_other_form(body: str, salt: str) -> None:
    request = signed(body=body, salt=salt)
    assert SCHEME.verify(request)
    assert not SCHEME.verify(HintRequest(URL, request.headers, request.body + b" ", NOW))


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(minutes=5), True),
        (timedelta(minutes=-5), True),
        (timedelta(minutes=5, seconds=1), False),
        (timedelta(minutes=-5, seconds=-1), False),
    ],
)
def test_five_minutes_are_tolerated_both_ways(age: timedelta, *, expected: bool) -> None:
    assert SCHEME.verify(signed(at=NOW - age)) is expected


@pytest.mark.parametrize("key", ["access_key", "secret_key"])
def test_the_keys_of_another_account_are_refused(key: str) -> None:
    assert not SCHEME.verify(signed(keys={**KEYS, key: "another"}))


def test_the_url_is_covered() -> None:
    elsewhere = signed(url="http://hooks.example.com/hints/acme")
    assert SCHEME.verify(elsewhere)
    assert not SCHEME.verify(HintRequest(URL, elsewhere.headers, elsewhere.body, NOW))


@pytest.mark.parametrize(
    "change",
    [
        {"salt": "other"},
        {"salt": ""},
        {"salt": "\udc80"},
        {"timestamp": str(int(NOW.timestamp()) + 1)},
        {"timestamp": ""},
        {"timestamp": "now"},
        {"signature": ""},
        {"signature": "AAAA"},
        {"signature": "é"},
        {"signature": "A" * 8000},
        {"signature": signed(body=BODY + " ").headers["signature"]},
    ],
)
def test_anything_forged_is_refused(change: dict[str, str]) -> None:
    assert not SCHEME.verify(changed(signed(), **change))
    assert not SCHEME.verify(HintRequest(URL, {}, BODY.encode(), NOW))


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ({"type": "INVOICE_PAYMENT_SUCCEEDED", "data": {"id": INVOICE}}, (INVOICE,)),
        ({"type": "INVOICE_UPDATED", "data": {"id": INVOICE, "payment": {"id": "payment_1"}}}, (INVOICE,)),
        ({"type": "PAYMENT_COMPLETED", "data": {"id": "payment_1", "invoice": INVOICE}}, (INVOICE,)),
        ({"type": "REFUND_COMPLETED", "data": {"id": "refund_1", "invoice": INVOICE}}, (INVOICE,)),
        ({"type": "PAYMENT_COMPLETED", "data": {"id": "payment_1", "invoice": ""}}, ()),
        ({"type": "PAYMENT_COMPLETED", "data": {"id": "payment_1", "invoice": None}}, ()),
        ({"type": "CUSTOMER_CREATED", "data": {"id": "cus_1"}}, ()),
        ({"type": "INVOICE_CREATED", "data": [INVOICE]}, ()),
        ({"type": "INVOICE_CREATED", "data": {"id": 7, "invoice": {"id": INVOICE}}}, ()),
        ({"type": "INVOICE_CREATED", "data": {"id": "invoice_", "invoice": "invoice_/../1"}}, ()),
        ({"id": "wh_1"}, ()),
    ],
)
def test_an_invoice_is_found_by_its_prefix(hint: object, expected: tuple[str, ...]) -> None:
    assert SCHEME.invoice_ids(json.dumps(hint).encode()) == expected
