"""Providers' example answers, and the snapshots that earlier ones would have left."""

from pathlib import Path
from typing import cast

from watcher.core import json_text
from watcher.core.invoices.invoice import Customer, Invoice, Snapshot

_FOLDER = Path(__file__).parents[2] / "data"


def read_bytes(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()


def read(name: str) -> dict[str, object]:
    return cast("dict[str, object]", json_text.read(read_bytes(name)))


def part(document: dict[str, object], *path: str) -> dict[str, object]:
    """The object found by following keys."""
    for key in path:
        document = cast("dict[str, object]", document[key])
    return document


def snapshot_of(invoice: Invoice) -> Snapshot:
    return Snapshot(
        source="acme",
        provider="any",
        id=invoice.id,
        number=invoice.number,
        status=invoice.status,
        provider_status=invoice.provider_status,
        overdue=False,
        payment_pending=invoice.payment_pending,
        failed_attempts=invoice.failed_attempts,
        last_payment_error=invoice.last_payment_error,
        direction=invoice.direction,
        amounts=invoice.amounts,
        issued_on=invoice.issued_on,
        due_on=None,
        due_at=None,
        created_at=invoice.created_at,
        finalized_at=invoice.finalized_at,
        paid_at=invoice.paid_at,
        voided_at=invoice.voided_at,
        customer=Customer(id=invoice.customer_id),
        line_count=invoice.line_count,
        url=invoice.url,
        tags=(),
    )
