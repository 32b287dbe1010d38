"""Makes the canonical snapshot of a provider's invoice, and its document."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import cast
from zoneinfo import ZoneInfo

from watcher.core.instants import end_of_day, instant_text, local_date, read_instant
from watcher.core.invoices.invoice import WITHOUT_DUE, Amounts, Customer, Direction, Invoice, Snapshot, Status
from watcher.core.money import text
from watcher.core.value_object import value_object

MONEY_FIELDS = ("total", "paid", "due", "credited", "refunded", "written_off")


@value_object
class WatchFacts:
    """What the configuration, and not the provider, knows about a watched invoice."""

    source: str
    provider: str
    timezone: ZoneInfo
    tags: tuple[str, ...] = ()
    due_on: date | None = None
    """Used only where the provider gives no due date."""
    customer_names: bool = False


def take(invoice: Invoice, watch: WatchFacts) -> Snapshot:
    """The snapshot of this answer, with `overdue` still False: `core.invoices.clock_events` decides that."""
    due = invoice.due if invoice.due is not None else watch.due_on
    due_on, due_at, due_key = _due(due, watch.timezone)
    return Snapshot(
        source=watch.source,
        provider=watch.provider,
        id=invoice.id,
        number=invoice.number,
        status=invoice.status,
        provider_status=invoice.provider_status,
        overdue=False,
        payment_pending=invoice.payment_pending,
        failed_attempts=invoice.failed_attempts,
        last_payment_error=invoice.last_payment_error,
        direction=invoice.direction,
        amounts=_without_due(invoice.amounts) if invoice.status in WITHOUT_DUE else invoice.amounts,
        issued_on=invoice.issued_on,
        due_on=due_on,
        due_at=due_at,
        created_at=invoice.created_at,
        finalized_at=invoice.finalized_at,
        paid_at=invoice.paid_at,
        voided_at=invoice.voided_at,
        customer=Customer(invoice.customer_id, invoice.customer_name if watch.customer_names else None),
        line_count=invoice.line_count,
        url=invoice.url,
        tags=watch.tags,
        due_key=due_key,
    )


def deleted(before: Snapshot) -> Snapshot:
    """The snapshot of an invoice that its provider no longer has: the last one, with nothing due any more."""
    return replace(before, status=Status.DELETED, overdue=False, amounts=_without_due(before.amounts))


def _without_due(amounts: tuple[Amounts, ...]) -> tuple[Amounts, ...]:
    return tuple(replace(row, due=row.due * 0) for row in amounts)


def _due(due: date | datetime | None, timezone: ZoneInfo) -> tuple[date | None, datetime | None, str | None]:
    if due is None:
        return None, None, None
    if isinstance(due, datetime):
        is_instant = 1 < due.year < date.max.year
        return local_date(due, timezone), due if is_instant else None, instant_text(due)
    return due, end_of_day(due, timezone), due.isoformat()


def to_document(snapshot: Snapshot) -> dict[str, object]:
    """The JSON object that subscribers receive and that the CLI and the API show, with keys in the contract's order."""
    return {
        "source": snapshot.source,
        "provider": snapshot.provider,
        "id": snapshot.id,
        "number": snapshot.number,
        "status": snapshot.status.value,
        "provider_status": snapshot.provider_status,
        "overdue": snapshot.overdue,
        "payment_pending": snapshot.payment_pending,
        "failed_attempts": snapshot.failed_attempts,
        "last_payment_error": snapshot.last_payment_error,
        "direction": snapshot.direction.value,
        "amounts": [amounts_document(row) for row in snapshot.amounts],
        "issued_on": _date_text(snapshot.issued_on),
        "due_on": _date_text(snapshot.due_on),
        "due_at": _instant_text(snapshot.due_at),
        "created_at": _instant_text(snapshot.created_at),
        "finalized_at": _instant_text(snapshot.finalized_at),
        "paid_at": _instant_text(snapshot.paid_at),
        "voided_at": _instant_text(snapshot.voided_at),
        "customer": {"id": snapshot.customer.id, "name": snapshot.customer.name},
        "line_count": snapshot.line_count,
        "url": snapshot.url,
        "tags": list(snapshot.tags),
    }


def amounts_document(row: Amounts) -> dict[str, object]:
    document: dict[str, object] = {"currency": row.currency}
    document |= {name: text(getattr(row, name)) for name in MONEY_FIELDS}
    return document | ({"unit": "minor"} if row.minor else {})


def from_document(document: Mapping[str, object], due_key: str | None) -> Snapshot:
    """The inverse of `to_document`, for documents this program wrote."""
    texts = cast("Mapping[str, str]", document)
    rows = cast("list[Mapping[str, str]]", document["amounts"])
    customer = cast("Mapping[str, str | None]", document["customer"])
    return Snapshot(
        source=texts["source"],
        provider=texts["provider"],
        id=texts["id"],
        number=texts["number"],
        status=Status(texts["status"]),
        provider_status=texts["provider_status"],
        overdue=cast("bool", document["overdue"]),
        payment_pending=cast("bool", document["payment_pending"]),
        failed_attempts=cast("int", document["failed_attempts"]),
        last_payment_error=texts["last_payment_error"],
        direction=Direction(texts["direction"]),
        amounts=tuple(_read_amounts(row) for row in rows),
        issued_on=_read_date(texts["issued_on"]),
        due_on=_read_date(texts["due_on"]),
        due_at=_read_instant(texts["due_at"]),
        created_at=_read_instant(texts["created_at"]),
        finalized_at=_read_instant(texts["finalized_at"]),
        paid_at=_read_instant(texts["paid_at"]),
        voided_at=_read_instant(texts["voided_at"]),
        customer=Customer(customer["id"], customer["name"]),
        line_count=cast("int", document["line_count"]),
        url=texts["url"],
        tags=tuple(texts["tags"]),
        due_key=due_key,
    )


def _read_amounts(row: Mapping[str, str]) -> Amounts:
    return Amounts(
        currency=row["currency"],
        total=Decimal(row["total"]),
        paid=Decimal(row["paid"]),
        due=Decimal(row["due"]),
        credited=Decimal(row["credited"]),
        refunded=Decimal(row["refunded"]),
        written_off=Decimal(row["written_off"]),
        minor=row.get("unit") == "minor",
    )


def _date_text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _instant_text(at: datetime | None) -> str | None:
    return None if at is None else instant_text(at)


def _read_date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _read_instant(text: str | None) -> datetime | None:
    return None if text is None else read_instant(text)
