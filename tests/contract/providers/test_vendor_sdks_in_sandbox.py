"""The vendors' own SDKs read what the sandbox serves over HTTP: documents, errors and pages."""

import asyncio
import dataclasses
import typing
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import aiohttp
import chargebee
import pytest
import stripe
from chargebee.models.invoice.responses import InvoiceResponse as ChargebeeInvoice
from lago_python_client.exceptions import LagoApiError, LagoRateLimitError
from lago_python_client.models.fee import FeeResponse as LagoFee
from lago_python_client.models.invoice import InvoiceResponse as LagoInvoice

from tests.acceptance.bills import Act, credited, nothing, paid
from tests.contract.providers.test_lists import adapter, bill, bill_id
from tests.fakes.provider_server import StillClock, UnlimitedRate
from tests.fakes.vendor_sdks import chargebee_invoices, lago_invoices, stripe_invoices
from watcher.core.invoices.invoice import Invoice
from watcher.ports import Found
from watcher.sandbox import Fault, FaultKind, Ledger, Sandbox

EACH = pytest.mark.parametrize("name", ["stripe", "lago", "chargebee"])
EXPAND = {"expand": ["payments.data.payment.payment_intent"]}


@dataclass(frozen=True, slots=True)
class Sdk:
    """`get` gives one invoice, `amounts` its total, what is paid and what is due in minor units, `ids` the whole list.

    `missing`, `refused` and `limited` are what it raises, `code` the vendor's word in such an error.
    """

    get: Callable[[str, str, str], Any]
    amounts: Callable[[Any], tuple[int, int, int]]
    status: Callable[[Any], str]
    ids: Callable[[str, str], list[str]]
    missing: type[Exception]
    refused: type[Exception]
    limited: type[Exception]
    code: Callable[[Any], object]


def _stripe_ids(url: str, key: str) -> list[str]:
    return [one.id for one in stripe_invoices(url, key).list({"limit": 100}).auto_paging_iter()]


def _lago_ids(url: str, key: str) -> list[str]:
    found: list[str] = []
    page: int | None = 1
    while page is not None:
        answer = lago_invoices(url, key).find_all({"per_page": 100, "page": page})
        found += [one.lago_id for one in answer["invoices"]]
        page = answer["meta"]["next_page"]
    return found


def _chargebee_ids(url: str, key: str) -> list[str]:
    found: list[str] = []
    offset: dict[str, str] | None = {}
    while offset is not None:
        answer = chargebee_invoices(url, key).list({"limit": 100, **offset})
        found += [row.invoice.id for row in answer.list]
        offset = {"offset": answer.next_offset} if answer.next_offset else None
    return found


SDKS = {
    "stripe": Sdk(
        get=lambda url, key, one: stripe_invoices(url, key).retrieve(one, EXPAND),
        amounts=lambda one: (one.total, one.amount_paid, one.amount_remaining),
        status=lambda one: one.status,
        ids=_stripe_ids,
        missing=stripe.InvalidRequestError,
        refused=stripe.AuthenticationError,
        limited=stripe.RateLimitError,
        code=lambda error: error.code,
    ),
    "lago": Sdk(
        get=lambda url, key, one: lago_invoices(url, key).find(one),
        amounts=lambda one: (one.total_amount_cents, one.total_paid_amount_cents, one.total_due_amount_cents),
        status=lambda one: f"{one.status}/{one.payment_status}",
        ids=_lago_ids,
        missing=LagoApiError,
        refused=LagoApiError,
        limited=LagoRateLimitError,
        code=lambda error: error.response["code"],
    ),
    "chargebee": Sdk(
        get=lambda url, key, one: chargebee_invoices(url, key).retrieve(one).invoice,
        amounts=lambda one: (one.total, one.amount_paid, one.amount_due),
        status=lambda one: one.status,
        ids=_chargebee_ids,
        missing=chargebee.InvalidRequestError,
        refused=chargebee.APIError,
        limited=chargebee.OperationFailedError,
        code=lambda error: error.api_error_code,
    ),
}
MISSING_CODES = {"stripe": "resource_missing", "lago": "invoice_not_found", "chargebee": "resource_not_found"}


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chargebee's SDK speaks plain http only where it would not verify certificates."""
    monkeypatch.setattr(chargebee.Chargebee, "verify_ca_certs", False)


@pytest.fixture
async def sandbox(clock: StillClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock) as running:
        yield running


async def by_sdk(name: str, sandbox: Sandbox, invoice_id: str, key: str | None = None) -> Any:  # noqa: ANN401 -- the SDK's
    used = sandbox.credentials[name]["api_key"] if key is None else key
    return await asyncio.to_thread(SDKS[name].get, sandbox.base_urls[name], used, invoice_id)


async def by_watcher(name: str, sandbox: Sandbox, session: aiohttp.ClientSession, invoice_id: str) -> Invoice:
    provider = adapter(name, sandbox, session)
    result = (await provider.fetch([invoice_id], UnlimitedRate())).results[invoice_id]
    assert isinstance(result, Found)
    return provider.to_invoice(result.document, None)


ACTS: dict[str, Act] = {
    "open": nothing,
    "paid in part": paid(400),
    "failed": Ledger.fail_payment,
    "credited": credited(400),
    "paid": paid(),
}


@EACH
@pytest.mark.parametrize("act", ACTS)
async def test_the_sdk_and_the_watcher_read_the_same_amounts(
    sandbox: Sandbox, session: aiohttp.ClientSession, name: str, act: str
) -> None:
    one = bill(sandbox.ledger, name, 1)
    ACTS[act](sandbox.ledger, one)
    theirs = await by_sdk(name, sandbox, one.id)
    ours = await by_watcher(name, sandbox, session, one.id)
    (row,) = ours.amounts
    assert SDKS[name].amounts(theirs) == tuple(int(amount * 100) for amount in (row.total, row.paid, row.due))
    assert SDKS[name].status(theirs) == ours.provider_status


@EACH
async def test_the_sdk_reads_the_whole_list_page_by_page(sandbox: Sandbox, name: str) -> None:
    made = [bill(sandbox.ledger, name, number).id for number in range(1, 202)]
    found = await asyncio.to_thread(SDKS[name].ids, sandbox.base_urls[name], sandbox.credentials[name]["api_key"])
    assert sorted(found) == sorted(made)


@EACH
async def test_the_sdk_knows_the_errors_as_the_vendors_own(sandbox: Sandbox, name: str) -> None:
    sdk, one = SDKS[name], bill(sandbox.ledger, name, 1)
    with pytest.raises(sdk.missing) as missing:
        await by_sdk(name, sandbox, bill_id(name, 9))
    assert sdk.code(missing.value) == MISSING_CODES[name]
    with pytest.raises(sdk.refused) as refused:
        await by_sdk(name, sandbox, one.id, key="sk_test_another_key_than_that")
    assert 401 in {getattr(refused.value, field, None) for field in ("http_status", "status_code", "http_status_code")}
    sandbox.fail_next(name, Fault(FaultKind.RATE_LIMITED))
    with pytest.raises(sdk.limited):
        await by_sdk(name, sandbox, one.id)


async def test_stripe_documents_have_the_fields_of_the_sdks_classes(sandbox: Sandbox) -> None:
    one = sandbox.ledger.create("stripe", "in_1", "EUR", 1000, datetime(2036, 1, 31, tzinfo=UTC))
    sandbox.ledger.pay(one, 400)
    sandbox.ledger.fail_payment(one)
    found = await by_sdk("stripe", sandbox, one.id)
    assert _lacking(found, stripe.Invoice) == set()
    assert _lacking(found.lines.data[0], stripe.InvoiceLineItem) == set()
    for payment in found.payments.data:
        assert isinstance(payment, stripe.InvoicePayment)
        assert _lacking(payment, stripe.InvoicePayment) == set()
        assert isinstance(payment.payment.payment_intent, stripe.PaymentIntent)
        assert _lacking(payment.payment.payment_intent, stripe.PaymentIntent) == set()


def _lacking(found: Any, kind: type) -> set[str]:  # noqa: ANN401 -- the SDK's
    """Fields that it always has and this one has not, and fields that it does not know."""
    hints = {key: hint for key, hint in kind.__annotations__.items() if typing.get_origin(hint) is not typing.ClassVar}
    always = {key for key, hint in hints.items() if type(None) not in typing.get_args(hint)}
    keys = set(found.to_dict())
    return (always - keys) | (keys - set(hints))


async def test_chargebee_documents_have_no_field_that_the_sdk_does_not_know(sandbox: Sandbox) -> None:
    one = bill(sandbox.ledger, "chargebee", 1)
    sandbox.ledger.fail_payment(one)
    sandbox.ledger.pay(one)
    sandbox.ledger.refund(one, 1)
    found = await by_sdk("chargebee", sandbox, one.id)
    known = {field.name: field.type for field in dataclasses.fields(ChargebeeInvoice)}
    document = found.raw_data
    assert set(document) - set(known) == {"object", "base_currency_code"}
    for key, value in document.items():
        for row in cast("list[dict[str, object]]", value) if isinstance(value, list) else ():
            (kind,) = typing.get_args(known[key])
            assert set(row) <= {field.name for field in dataclasses.fields(kind)} | {"object"}, key


async def test_lago_documents_have_no_field_that_the_sdk_does_not_know(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    one = bill(sandbox.ledger, "lago", 1)
    key = sandbox.credentials["lago"]["api_key"]
    url = f"{sandbox.base_urls['lago']}/api/v1/invoices/{one.id}"
    async with session.get(url, headers={"Authorization": f"Bearer {key}"}) as response:
        document = (await response.json())["invoice"]
    assert set(document) - set(cast("Any", LagoInvoice).__fields__) == {"created_at", "updated_at"}
    assert set(document["fees"][0]) <= set(cast("Any", LagoFee).__fields__)
    assert (await by_sdk("lago", sandbox, one.id)).fees.__root__[0].amount_cents == one.total
