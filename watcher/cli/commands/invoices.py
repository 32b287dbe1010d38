"""`get`, `show` and `invoices`: one invoice from the provider or from the store, and all of them."""

import sys
from collections.abc import Sequence
from functools import partial
from typing import Annotated, cast

import anyio
import typer

from watcher import daemon
from watcher.cli.arguments import InvoiceArgument, SourceArgument
from watcher.cli.csv_output import CsvOption, print_found
from watcher.cli.open_store import known_source, load_configuration, opened, unknown
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import (
    Column,
    Item,
    amounts,
    console,
    field,
    of_body,
    print_document,
    shown,
    table,
)
from watcher.core.errors import NotFound
from watcher.core.exports import csv_tables
from watcher.core.invoices.invoice import Status
from watcher.core.invoices.snapshot import MONEY_FIELDS
from watcher.ports import InvoiceFilters, InvoicePlace, InvoiceSort, ListedInvoice
from watcher.ports.paging import mapped, pages

app = top_level()

RawOption = Annotated[bool, typer.Option("--raw", help="Print the provider's own document instead, without secrets.")]


def _customer(item: Item) -> str:
    found = cast("Item", item["customer"])
    return shown(found["name"] or found["id"])


INVOICE_COLUMNS = (
    field("source", "source"),
    field("invoice", "id"),
    field("number", "number"),
    Column("customer", _customer),
    Column("status", lambda item: f"{item['status']}{' overdue' if item['overdue'] else ''}"),
    Column("total", amounts("total"), right=True, folds=False),
    Column("due", amounts("due"), right=True, folds=False),
    field("due on", "due_on"),
    field("tags", "tags"),
)
_EVENT_COLUMNS = (
    of_body("#", "sequence"),
    field("at", "timestamp"),
    field("event", "type"),
    of_body("event id", "event_id"),
)
_DELIVERY_COLUMNS = (
    field("event", "type"),
    field("endpoint", "endpoint"),
    field("state", "state"),
    field("attempts", "attempts"),
    field("answer", "last_status"),
    field("error", "last_error"),
)


@command(app, "get", "get acme inv_1001 --json")
def get(invocation: Invocation, source: SourceArgument, invoice_id: InvoiceArgument, *, raw: RawOption = False) -> None:
    """Ask the provider for an invoice now. Nothing is recorded and no webhook is sent."""
    loaded = load_configuration(invocation)
    document, original = anyio.run(daemon.get, loaded, known_source(loaded, source), invoice_id)
    if raw:
        _write_raw(original)
    elif invocation.as_json:
        print_document(document)
    else:
        print_invoice(document)


@command(app, "show", "show acme inv_1001")
def show(
    invocation: Invocation, source: SourceArgument, invoice_id: InvoiceArgument, *, raw: RawOption = False
) -> None:
    """Show what is recorded about an invoice: its last snapshot, its changes, its events and their deliveries."""
    anyio.run(partial(_show, invocation, source, invoice_id, raw=raw))


async def _show(invocation: Invocation, source: str, invoice_id: str, *, raw: bool) -> None:
    async with opened(invocation) as store:
        document = await store.reports.show(source, invoice_id)
        original = await store.reports.raw(source, invoice_id) if raw else None
        if document is None:
            watched = [str(row["invoice_id"]) for row in await store.reports.watch_list(source=source)]
            if not watched:
                known_source(store.loaded, source)
            raise unknown("invoice", invoice_id, watched, f"of source {source!r}")
    if raw and original is None:
        raise NotFound(f"no raw document of {source} {invoice_id} is kept: see [retention] raw")
    if original is not None:
        _write_raw(original)
    elif invocation.as_json:
        print_document(document)
    else:
        _print_history(document)


def _write_raw(document: bytes) -> None:
    sys.stdout.write(document.decode().rstrip("\n") + "\n")


def print_invoice(snapshot: Item) -> None:
    rows: list[Item] = []
    for key, value in snapshot.items():
        if key == "amounts":
            rows += [
                {"field": f"{row['currency']} {part.replace('_', ' ')}", "value": row[part]}
                for row in cast("Sequence[dict[str, str]]", value)
                for part in MONEY_FIELDS
            ]
        elif isinstance(value, dict):
            parts = cast("dict[str, object]", value)
            rows += [{"field": f"{key} {part}", "value": inner} for part, inner in parts.items()]
        else:
            rows.append({"field": key.replace("_", " "), "value": value})
    grid = table(rows, (field("", "field"), field("", "value")))
    grid.show_header = False
    console().print(grid)


def _print_history(document: Item) -> None:
    output = console()
    if document["invoice"]:
        print_invoice(cast("Item", document["invoice"]))
    else:
        output.print("not seen yet", style="dim")
    for title, key, columns in (
        ("events", "events", _EVENT_COLUMNS),
        ("deliveries", "deliveries", _DELIVERY_COLUMNS),
    ):
        rows = cast("Sequence[Item]", document[key])
        output.print(f"\n{title}: {len(rows)}", style="bold")
        if rows:
            output.print(table(rows, columns))
    output.print(f"\nsnapshots: {shown(len(cast('Sequence[Item]', document['snapshots'])))}", style="bold")


@command(app, "invoices", "invoices --overdue --source acme")
def invoices(
    invocation: Invocation,
    *,
    status: Annotated[Status | None, typer.Option("--status", help="Only those with this status.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those that are overdue.")] = False,
    source: Annotated[str | None, typer.Option("--source", help="Only those of this source.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Only those with this tag.")] = None,
    customer: Annotated[
        str | None, typer.Option("--customer", help="Only those of the customer with this id or name.")
    ] = None,
    sort: Annotated[InvoiceSort, typer.Option("--sort", help="What the list is sorted by.")] = InvoiceSort.ID,
    descending: Annotated[bool, typer.Option("--desc", help="The other way round.")] = False,
    as_csv: CsvOption = False,
) -> None:
    """List the last known snapshot of every watched invoice; as CSV, one line per invoice and currency.

    Amounts are sorted within each currency. What has no such value comes last.
    """
    filters: InvoiceFilters = {
        "status": status,
        "overdue": overdue or None,
        "source": source,
        "tag": tag,
        "customer": customer,
        "sort": sort,
        "descending": descending,
    }
    anyio.run(partial(_invoices, invocation, filters, as_csv=as_csv))


async def _invoices(invocation: Invocation, filters: InvoiceFilters, *, as_csv: bool) -> None:
    async with opened(invocation) as store:

        async def read(after: InvoicePlace | None, most: int) -> Sequence[ListedInvoice]:
            return await store.reports.invoice_list(filters, after, most)

        found = mapped(pages(read, lambda listed: listed.place), lambda listed: listed.item)
        empty = "No invoice matches."
        await print_found(invocation, found, INVOICE_COLUMNS, csv_tables.INVOICES, as_csv=as_csv, empty=empty)
