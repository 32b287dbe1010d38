"""Webhooks that adapter files describe. Where a vendor's SDK has a verifier, it says what is genuine."""

import hashlib
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import stripe
from square.utils.webhooks_helper import verify_signature

from watcher.config.adapters.built_in import BUILT_IN
from watcher.core.errors import HintUnreadable
from watcher.ports import HintRequest, HintScheme
from watcher.providers.toolkit.hints import hint_schemes


def _now() -> datetime:
    """The real time: the SDK of Stripe knows no other."""
    return datetime.now(UTC)


URL = "https://hooks.example.com/hints/acme"
BODY = json.dumps({"type": "invoice.paid", "note": "déjà vu"}, ensure_ascii=False).encode()


def _digest(secret: str, *parts: bytes) -> bytes:
    return hmac.new(secret.encode(), b"".join(parts), hashlib.sha256).digest()


def _by_stripe(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    try:
        stripe.Webhook.construct_event(body.decode(), headers.get("stripe-signature", ""), secret)
    except stripe.SignatureVerificationError:
        return False
    return True


def _by_square(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    return verify_signature(
        request_body=body.decode(),
        signature_header=headers.get("x-square-hmacsha256-signature", ""),
        signature_key=secret,
        notification_url=URL,
    )


def _stripe(secret: str, body: bytes, at: datetime | None = None) -> dict[str, str]:
    seconds = str(int((at or _now()).timestamp()))
    signature = _digest(secret, seconds.encode(), b".", body).hex()
    return {"stripe-signature": f"t={seconds},v1={signature},v0={'0' * 64}"}


def _square(secret: str, body: bytes) -> dict[str, str]:
    return {"x-square-hmacsha256-signature": b64encode(_digest(secret, URL.encode(), body)).decode()}


def _lago(secret: str, body: bytes) -> dict[str, str]:
    """As its server does with `signature_algo` "hmac"; the SDK verifies only JWT."""
    signature = b64encode(_digest(secret, body)).decode()
    return {"x-lago-signature": signature, "x-lago-signature-algorithm": "hmac"}


def _chargebee(secret: str, body: bytes) -> dict[str, str]:
    del body
    user, _, password = secret.partition(":")
    request = next(httpx.BasicAuth(user, password).auth_flow(httpx.Request("POST", URL)))
    return {"authorization": request.headers["authorization"]}


@dataclass(frozen=True)
class Vendor:
    secret: str
    headers: Callable[[str, bytes], dict[str, str]]
    is_genuine: Callable[[Mapping[str, str], bytes, str], bool] | None = None
    covers_body: bool = True


VENDORS = {
    "stripe": Vendor("whsec_5f1c", _stripe, _by_stripe),
    "square": Vendor("key of a subscription", _square, _by_square),
    "lago": Vendor("9a3e-key", _lago),
    "chargebee": Vendor("hooks:pass:word é", _chargebee, covers_body=False),
}
EACH = pytest.mark.parametrize("name", VENDORS)


def scheme(name: str, *secrets: str) -> HintScheme:
    found, *_ = hint_schemes(BUILT_IN[name], secrets=secrets or [VENDORS[name].secret], tokens=[], credentials={})
    return found


def accepts(by: HintScheme, headers: Mapping[str, str], body: bytes = BODY, url: str = URL) -> bool:
    return by.verify(HintRequest(url, headers, body, _now()))


@EACH
def test_what_the_vendor_sends_is_genuine_and_what_is_forged_is_not(name: str) -> None:
    vendor = VENDORS[name]
    good = vendor.headers(vendor.secret, BODY)
    (header,) = [one for one in good if one != "x-lago-signature-algorithm"]
    forged = [vendor.headers(f"{vendor.secret}x", BODY), {}, *({header: text} for text in ("", "é", "t=,v1=", "Basic"))]
    for headers, expected in [(good, True), *((one, False) for one in forged)]:
        assert accepts(scheme(name), headers) is expected
        if vendor.is_genuine is not None:
            assert vendor.is_genuine(headers, BODY, vendor.secret) is expected
    if vendor.covers_body:
        assert not accepts(scheme(name), good, BODY + b" ")


@EACH
def test_several_secrets_are_a_rotation(name: str) -> None:
    vendor = VENDORS[name]
    both = scheme(name, f"new:{vendor.secret}", vendor.secret)
    assert accepts(both, vendor.headers(vendor.secret, BODY))
    assert accepts(both, vendor.headers(f"new:{vendor.secret}", BODY))
    assert not accepts(both, vendor.headers("other:secret", BODY))


def test_stripe_signs_with_two_secrets_while_one_replaces_the_other() -> None:
    old, new = (_stripe(secret, BODY)["stripe-signature"].split(",") for secret in ("old", "new"))
    both = {"stripe-signature": f"{old[0]},{old[1]},{new[1]}"}
    for secret in ("old", "new"):
        assert accepts(scheme("stripe", secret), both)
        assert _by_stripe(both, BODY, secret)


@pytest.mark.parametrize(("seconds", "expected"), [(299, True), (301, False)])
def test_stripe_s_webhooks_are_good_for_five_minutes(seconds: int, *, expected: bool) -> None:
    headers = _stripe("whsec_1", BODY, datetime.fromtimestamp(time.time() - seconds, UTC))
    by = scheme("stripe", "whsec_1")
    assert by.verify(HintRequest(URL, headers, BODY, datetime.now(UTC))) is expected
    assert _by_stripe(headers, BODY, "whsec_1") is expected
    ahead = _stripe("whsec_1", BODY, _now() + timedelta(seconds=seconds))
    assert accepts(by, ahead) is expected


def test_square_s_signature_covers_the_url() -> None:
    headers = _square("key", BODY)
    assert accepts(scheme("square", "key"), headers)
    assert not accepts(scheme("square", "key"), headers, url="https://hooks.example.com/hints/other")


@pytest.mark.parametrize(
    ("name", "secret", "words"), [("stripe", "", "empty"), ("square", "", "empty"), ("chargebee", "user", "USER:PASS")]
)
def test_a_secret_that_cannot_work_is_refused_in_words(name: str, secret: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        hint_schemes(BUILT_IN[name], secrets=[secret], tokens=[], credentials={})


@pytest.mark.parametrize(
    "hint",
    [
        {"data": {"object": {"id": None, "invoice": {"id": "in_1"}}}},
        {"data": {"object": {"id": "upcoming_in_1"}}},
        {"data": {"object": {"id": "ch_1", "invoice": 7}}},
        {"data": [{"object": {"id": "in_1"}}]},
        {},
    ],
)
def test_what_is_no_invoice_id_is_left_out(hint: object) -> None:
    assert scheme("stripe").invoice_ids(json.dumps(hint).encode()) == ()


def test_a_list_of_ids_is_cut_and_a_large_hint_is_refused() -> None:
    many = {"payment": {"invoice_ids": [f"{number}a" for number in range(5000)]}}
    assert len(scheme("lago").invoice_ids(json.dumps(many).encode())) == 100
    rows = {"content": {"transaction": {"linked_invoices": [{"invoice_id": "a"}] * 30_000}}}
    with pytest.raises(HintUnreadable, match="too large"):
        scheme("chargebee").invoice_ids(json.dumps(rows).encode())
