"""The lists as CSV: read and sent page by page, so that a list of any length needs the memory of one page."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import anyio
from aiohttp import web

from watcher.core.errors import StoreUnavailable
from watcher.core.exports import csv_tables
from watcher.core.exports.csv_tables import CsvTable
from watcher.core.exports.csv_text import BYTE_ORDER_MARK
from watcher.ports import (
    AgingKey,
    AgingRow,
    Customer,
    CustomerKey,
    InvoicePlace,
    ListedInvoice,
    aging_item,
    customer_item,
    dso_item,
    forecast_items,
)
from watcher.ports.invoice_list import Item
from watcher.ports.paging import mapped, next_cursor, pages
from watcher.web.api.operation import CSV, Call
from watcher.web.api.queries import invoice_filters
from watcher.web.api.request_models import (
    AgingFile,
    AuditFile,
    CustomerFile,
    DeliveryFile,
    EventFile,
    InvoiceFile,
    Nothing,
    ReportFile,
    WatchFile,
)

_SLOW_SECONDS = 30
"""A client that reads nothing for this long is disconnected."""

Found = AsyncGenerator[Sequence[Item]]


async def invoices(call: Call[InvoiceFile, Nothing]) -> web.StreamResponse:
    asked, reports = call.query, call.backend.reports

    async def read(after: InvoicePlace | None, most: int) -> Sequence[ListedInvoice]:
        return await reports.invoice_list(invoice_filters(asked), after, most)

    found = mapped(pages(read, lambda listed: listed.place, asked.limit), lambda listed: listed.item)
    return await _send(call.request, csv_tables.INVOICES, found, bom=asked.bom)


async def watches(call: Call[WatchFile, Nothing]) -> web.StreamResponse:
    asked, reports = call.query, call.backend.reports

    async def read(after: tuple[str, str] | None, most: int) -> Sequence[Item]:
        return await reports.watch_list(source=asked.source, state=asked.state, tag=asked.tag, after=after, limit=most)

    found = pages(read, lambda item: (str(item["source"]), str(item["invoice_id"])), asked.limit)
    return await _send(call.request, csv_tables.WATCHES, found, bom=asked.bom)


async def events(call: Call[EventFile, Nothing]) -> web.StreamResponse:
    asked, reports = call.query, call.backend.reports

    async def read(after: str | None, most: int) -> Sequence[Item]:
        return await reports.events(after=after, type_glob=asked.type, source=asked.source, tag=asked.tag, limit=most)

    start = asked.after or await reports.feed_start()
    found = pages(read, lambda item: next_cursor(start, item["cursor"]), asked.limit, start)
    return await _send(call.request, csv_tables.EVENTS, found, bom=asked.bom)


async def deliveries(call: Call[DeliveryFile, Nothing]) -> web.StreamResponse:
    asked, reports = call.query, call.backend.reports

    async def read(after: int | None, most: int) -> Sequence[Item]:
        return await reports.deliveries(state=asked.state, endpoint=asked.endpoint, after=after or 0, limit=most)

    found = pages(read, lambda item: int(str(item["delivery_id"]).partition("_")[2]), asked.limit)
    return await _send(call.request, csv_tables.DELIVERIES, found, bom=asked.bom)


async def aging(call: Call[AgingFile, Nothing]) -> web.StreamResponse:
    asked = call.query

    async def read(after: AgingKey | None, most: int) -> Sequence[AgingRow]:
        return await call.backend.aging(asked.by, after, most)

    found = mapped(pages(read, lambda row: row.key, asked.limit), aging_item)
    return await _send(call.request, csv_tables.AGING, found, bom=asked.bom)


async def customers(call: Call[CustomerFile, Nothing]) -> web.StreamResponse:
    asked = call.query

    async def read(after: CustomerKey | None, most: int) -> Sequence[Customer]:
        return await call.backend.receivables.customers(asked.search, after, most)

    found = mapped(pages(read, lambda customer: customer.key, asked.limit), customer_item)
    return await _send(call.request, csv_tables.CUSTOMERS, found, bom=asked.bom)


async def forecast(call: Call[ReportFile, Nothing]) -> web.StreamResponse:
    async def whole() -> Found:
        rows = await call.backend.receivables.forecast(call.query.source)
        yield [item for row in rows for item in forecast_items(row)][: call.query.limit]

    return await _send(call.request, csv_tables.FORECAST, whole(), bom=call.query.bom)


async def dso(call: Call[ReportFile, Nothing]) -> web.StreamResponse:
    async def whole() -> Found:
        yield [dso_item(row) for row in await call.backend.receivables.dso(call.query.source)][: call.query.limit]

    return await _send(call.request, csv_tables.DSO, whole(), bom=call.query.bom)


async def audit(call: Call[AuditFile, Nothing]) -> web.StreamResponse:
    asked, reports = call.query, call.backend.reports

    async def read(before: int | None, most: int) -> Sequence[tuple[int, Item]]:
        return await reports.audit(since=asked.since, before=before, limit=most)

    found = mapped(pages(read, lambda row: row[0], asked.limit), lambda row: row[1])
    return await _send(call.request, csv_tables.AUDIT, found, bom=asked.bom)


async def _send(request: web.Request, table: CsvTable, found: Found, *, bom: bool) -> web.StreamResponse:
    """What fails before the first page is a problem document; later, the connection breaks before the end of the file.

    A file that ends as HTTP says is complete.
    """
    async with aclosing(found):
        text = (BYTE_ORDER_MARK if bom else "") + table.header() + table.text(await anext(found))
        response = web.StreamResponse(
            headers={
                "Content-Type": f"{CSV}; charset=utf-8; header=present",
                "Content-Disposition": f'attachment; filename="{table.name}.csv"',
                "Vary": "Accept",
            }
        )
        await response.prepare(request)
        try:
            await _write(response, text)
            async for page in found:
                await _write(response, table.text(page))
        except (StoreUnavailable, ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()
        return response


async def _write(response: web.StreamResponse, text: str) -> None:
    with anyio.fail_after(_SLOW_SECONDS):
        await response.write(text.encode("utf-8", "replace"))
