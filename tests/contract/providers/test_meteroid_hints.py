import base64
import json
from datetime import UTC, datetime

import pytest
import svix

from watcher.ports import HintRequest
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.hints import hint_schemes

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-five b").decode()
INVOICE, PARENT = "inv_2YvkYMbNkdjcXHuHOJtUPN", "inv_5tW0Xk9QhHn1Bf3sVZy7Ga"
UUID = "0190b8f4-4c62-7a2e-9a3c-0d5f7a1b2c3d"
PAID = {
    "id": "evt_1",
    "type": "invoice.paid",
    "invoice_id": INVOICE,
    "customer_id": "cus_1",
    "status": "FINALIZED",
    "currency": "EUR",
    "total": 107998,
    "tax_amount": 0,
    "created_at": "2026-11-22T10:00:00Z",
    "timestamp": "2026-11-22T10:00:01Z",
}
(SCHEME,) = hint_schemes(PROVIDERS["meteroid"], secrets=[SECRET], tokens=[], credentials={"api_key": "unused"})


def ids(hint: object) -> tuple[str, ...]:
    return SCHEME.invoice_ids(json.dumps(hint).encode())


def test_what_svix_sends_is_genuine() -> None:
    body = json.dumps(PAID)
    headers = {
        "svix-id": "msg_1",
        "svix-timestamp": str(int(NOW.timestamp())),
        "svix-signature": svix.Webhook(SECRET).sign("msg_1", NOW, body),
    }
    request = HintRequest("https://hooks.example.com/hints/acme", headers, body.encode(), NOW)
    assert SCHEME.verify(request)
    assert SCHEME.invoice_ids(request.body) == (INVOICE,)


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (PAID, (INVOICE,)),
        (PAID | {"type": "invoice.consolidated", "consolidated_into_invoice_id": PARENT}, (INVOICE, PARENT)),
        ({"type": "payment.failed", "data": {"invoice_id": INVOICE, "id": "pay_1"}}, (INVOICE,)),
        ({"type": "invoice.closed", "data": {"id": INVOICE}}, (INVOICE,)),
        ({"type": "invoice.closed", "id": INVOICE, "data": {"id": INVOICE}}, (INVOICE,)),
        ({"type": "invoice.paid", "invoice_id": UUID}, (UUID,)),
        ({"type": "credit_note.created", "id": "evt_1", "credit_note_id": "cn_1"}, ()),
        ({"type": "payment.failed", "id": "evt_1", "payment_id": "pay_1", "data": None}, ()),
        ({"type": "customer.created", "id": UUID}, ()),
        ({}, ()),
    ],
)
def test_an_invoice_is_found_wherever_a_type_names_it(hint: object, expected: tuple[str, ...]) -> None:
    assert ids(hint) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        7,
        1.5,
        [],
        {},
        [INVOICE],
        "",
        ".",
        "..",
        "inv_",
        "inv_a/b",
        "inv_1\n",
        "inv_é",
        "cus_1",
        "inv_" + "1" * 300,
    ],
)
def test_what_is_no_invoice_id_is_left_out(value: object) -> None:
    assert ids({"type": "invoice.paid", "invoice_id": value, "data": value}) == ()
