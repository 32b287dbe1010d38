"""The conformance suite that other packages run, run by the built-in providers and by adapter files."""

import json
from typing import cast

from tests.fakes.adapter_files import file_kind
from tests.fakes.wire_documents import JsonObject, example
from watcher.config.adapters.built_in import BUILT_IN
from watcher.core import json_text
from watcher.provider_api import ProviderKind
from watcher.provider_testing import Case, ProviderConformance, Reply
from watcher.providers import PROVIDERS

TOKEN = Reply({"access_token": "token", "expires_in": 60})
RAPYD_ID = "invoice_" + "a" * 32


def plain(document: object) -> object:
    """Exact numbers as JSON's own."""
    return json.loads(json.dumps(document, default=float))


def meteroid(kind: ProviderKind) -> Case:
    document = example("meteroid") | {"id": "inv_1"}
    return Case(
        kind=kind,
        invoice_id="inv_1",
        found=Reply(plain(document)),
        changed=Reply(plain(document | {"amount_due": 7})),
        volatile=Reply(plain(document | {"updated_at": "2030-01-01T00:00:00Z"})),
        missing=Reply({"code": "NOT_FOUND", "message": "no"}, 404),
        refused_credentials=Reply({"code": "UNAUTHORIZED"}, 401),
        list_of_none=Reply({"data": [], "pagination_meta": {}}),
    )


def dollr(kind: ProviderKind) -> Case:
    document = example("dollr")
    return Case(
        kind=kind,
        invoice_id="123",
        found=Reply(plain(document)),
        changed=Reply(plain(document | {"status": "PAID"})),
        volatile=Reply(plain(document | {"updated_at": "2030-01-01T00:00:00Z"})),
        missing=Reply({"detail": "Invoice not found"}, 404),
        refused_credentials=Reply({"detail": "no"}, 401),
        renewed=(TOKEN, Reply({"detail": "no"}, 401)),
        list_of_none=Reply([]),
        tokens=(TOKEN,),
    )


class TestMeteroid(ProviderConformance):
    case = meteroid(PROVIDERS["meteroid"])


class TestMeteroidByFile(ProviderConformance):
    case = meteroid(file_kind("meteroid"))


class TestDollr(ProviderConformance):
    case = dollr(PROVIDERS["dollr"])


class TestDollrByFile(ProviderConformance):
    case = dollr(file_kind("dollr"))


def _inside(name: str, key: str) -> tuple[JsonObject, JsonObject]:
    envelope = example(name)
    return envelope, cast("JsonObject", envelope[key])


class TestFragment(ProviderConformance):
    envelope, document = _inside("fragment_g3", "data")
    case = Case(
        kind=PROVIDERS["fragment"],
        invoice_id=str(document["id"]),
        found=Reply(plain(envelope)),
        changed=Reply(plain(envelope | {"data": document | {"version": 99}})),
        missing=Reply({"error": "not found"}, 404),
        refused_credentials=Reply({}, 401),
        renewed=(TOKEN, Reply({}, 401)),
        list_of_none=Reply({"data": {"invoices": []}}),
        tokens=(TOKEN,),
        options={"token_url": "{url}/token"},
    )


class TestRapyd(ProviderConformance):
    envelope, document = _inside("rapyd", "data")
    case = Case(
        kind=PROVIDERS["rapyd"],
        invoice_id=RAPYD_ID,
        found=Reply(plain(envelope | {"data": document | {"id": RAPYD_ID}})),
        changed=Reply(plain(envelope | {"data": document | {"id": RAPYD_ID, "status": "canceled"}})),
        missing=Reply({"status": {"status": "ERROR", "error_code": "ERROR_GET_INVOICE", "message": "none"}}, 400),
        refused_credentials=Reply({"status": {"status": "ERROR", "error_code": "UNAUTHENTICATED_API_CALL"}}, 401),
        list_of_none=Reply({"status": {"status": "SUCCESS"}, "data": []}),
    )


class TestChargeOver(ProviderConformance):
    envelope, document = _inside("chargeover", "response")
    case = Case(
        kind=PROVIDERS["chargeover"],
        invoice_id=str(document["invoice_id"]),
        found=Reply(plain(envelope)),
        changed=Reply(plain(envelope | {"response": document | {"payments": 1}})),
        volatile=Reply(plain(envelope | {"response": document | {"days_overdue": 77}})),
        missing=Reply({"code": 404, "status": "Error", "message": "none", "response": False}, 404),
        refused_credentials=Reply({"code": 401, "status": "Error", "response": False}, 401),
        list_of_none=Reply({"code": 200, "response": []}),
    )


STRIPE: JsonObject = {
    "id": "in_1",
    "status": "open",
    "currency": "eur",
    "total": 1000,
    "amount_due": 1000,
    "amount_paid": 0,
    "amount_remaining": 1000,
    "attempt_count": 0,
    "created": 1_796_032_800,
}


class TestStripe(ProviderConformance):
    case = Case(
        kind=BUILT_IN["stripe"],
        invoice_id="in_1",
        found=Reply(STRIPE),
        changed=Reply(STRIPE | {"amount_paid": 400, "amount_remaining": 600}),
        volatile=Reply(STRIPE | {"hosted_invoice_url": "https://pay.example/2"}),
        missing=Reply({"error": {"code": "resource_missing"}}, 404),
        refused_credentials=Reply({"error": {"message": "Invalid API Key"}}, 401),
        list_of_none=Reply({"object": "list", "data": [], "has_more": False}),
    )


CHARGEBEE: JsonObject = {
    "id": "INV-1",
    "status": "payment_due",
    "currency_code": "EUR",
    "total": 1000,
    "amount_due": 1000,
    "updated_at": 1,
    "resource_version": 1000,
}


class TestChargebee(ProviderConformance):
    case = Case(
        kind=BUILT_IN["chargebee"],
        invoice_id="INV-1",
        found=Reply({"invoice": CHARGEBEE}),
        changed=Reply({"invoice": CHARGEBEE | {"amount_paid": 400, "amount_due": 600}}),
        volatile=Reply({"invoice": CHARGEBEE | {"updated_at": 2, "resource_version": 2000}}),
        missing=Reply({"api_error_code": "resource_not_found"}, 404),
        refused_credentials=Reply({"api_error_code": "api_authentication_failed"}, 401),
        list_of_none=Reply({"list": []}),
    )


LAGO: JsonObject = {
    "lago_id": "1a",
    "status": "finalized",
    "payment_status": "pending",
    "currency": "EUR",
    "total_amount_cents": 1000,
    "total_due_amount_cents": 1000,
    "total_paid_amount_cents": 0,
}


class TestLago(ProviderConformance):
    case = Case(
        kind=BUILT_IN["lago"],
        invoice_id="1a",
        found=Reply({"invoice": LAGO}),
        changed=Reply({"invoice": LAGO | {"total_paid_amount_cents": 1, "total_due_amount_cents": 999}}),
        volatile=Reply({"invoice": LAGO | {"file_url": "https://files.example/2"}}),
        missing=Reply({"code": "invoice_not_found"}, 404),
        refused_credentials=Reply({"error": "Unauthorized"}, 401),
        list_of_none=Reply({"invoices": [], "meta": {"next_page": None}}),
    )


DOLLARS: JsonObject = {"amount": 1000, "currency": "USD"}
SQUARE: JsonObject = {
    "id": "inv:1",
    "version": 1,
    "status": "UNPAID",
    "payment_requests": [{"due_date": "2026-12-31", "computed_amount_money": DOLLARS}],
}


class TestSquare(ProviderConformance):
    case = Case(
        kind=BUILT_IN["square"],
        invoice_id="inv:1",
        found=Reply({"invoice": SQUARE}),
        changed=Reply({"invoice": SQUARE | {"status": "PAYMENT_PENDING", "version": 2}}),
        volatile=Reply({"invoice": SQUARE | {"public_url": "https://pay.example/2"}}),
        missing=Reply({"errors": [{"code": "NOT_FOUND"}]}, 404),
        refused_credentials=Reply({"errors": [{"code": "UNAUTHORIZED"}]}, 401),
        list_of_none=Reply({}),
    )


KILLBILL: JsonObject = {
    "invoiceId": "i-1",
    "status": "COMMITTED",
    "currency": "USD",
    "amount": 10.5,
    "balance": 10.5,
}


class TestKillBill(ProviderConformance):
    case = Case(
        kind=BUILT_IN["killbill"],
        invoice_id="i-1",
        found=Reply(KILLBILL),
        changed=Reply(KILLBILL | {"balance": 0}),
        volatile=Reply(KILLBILL | {"balance": 10.5}),
        missing=Reply({"code": 4002}, 404),
        refused_credentials=Reply("", 401),
        list_of_none=Reply([]),
    )


def test_the_cases_are_the_published_documents() -> None:
    assert json_text.read(TestFragment.case.found.content) == plain(example("fragment_g3"))
