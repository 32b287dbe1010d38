"""Operations that read."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from itertools import groupby
from typing import cast

from watcher.core.errors import NotFound
from watcher.ports import (
    AgingKey,
    AgingRow,
    Customer,
    InvoiceFilters,
    Item,
    aging_item,
    customer_item,
    dso_item,
    forecast_items,
)
from watcher.ports.paging import next_cursor
from watcher.web.api import invoice_places, pagination
from watcher.web.api.operation import Answer, Call
from watcher.web.api.request_models import (
    AgingChoice,
    AuditChoice,
    CustomerChoice,
    DeliveryChoice,
    EventsAfter,
    InvoiceChoice,
    InvoiceFields,
    Nothing,
    Order,
    Paged,
    ReportChoice,
    WatchChoice,
)
from watcher.web.problems import Problem


async def watches(call: Call[WatchChoice, Nothing]) -> Answer:
    asked = call.query
    found = await call.backend.reports.watch_list(
        source=asked.source,
        state=asked.state,
        tag=asked.tag,
        after=pagination.pair(asked.cursor),
        limit=asked.limit + 1,
    )
    return Answer(document=pagination.cut(found, asked.limit, of_watch))


async def invoices(call: Call[InvoiceChoice, Nothing]) -> Answer:
    asked = call.query
    found = await call.backend.reports.invoice_list(
        invoice_filters(asked), invoice_places.read(asked.sort, asked.cursor), asked.limit + 1
    )
    shown, following = pagination.first(found, asked.limit, partial(invoice_places.token, asked.sort))
    return Answer(document={"items": [one.item for one in shown], "next": following})


def invoice_filters(asked: InvoiceFields) -> InvoiceFilters:
    return {
        "status": asked.status,
        "overdue": asked.overdue,
        "source": asked.source,
        "tag": asked.tag,
        "search": asked.search,
        "customer": asked.customer,
        "currency": asked.currency,
        "sort": asked.sort,
        "descending": asked.order is Order.DESC,
    }


async def invoice(call: Call[Nothing, Nothing]) -> Answer:
    source, invoice_id = call.segment("source"), call.segment("invoice_id")
    shown = await call.backend.reports.show(source, invoice_id)
    if shown is None:
        raise NotFound(f"{source} {invoice_id} was never watched")
    return Answer(document=shown)


async def timeline(call: Call[Paged, Nothing]) -> Answer:
    """A page continues after the entry that ended the one before, wherever that is now."""
    source, invoice_id = call.segment("source"), call.segment("invoice_id")
    entries = await call.backend.reports.timeline(source, invoice_id)
    if entries is None:
        raise NotFound(f"{source} {invoice_id} was never watched")
    last = pagination.place(call.query.cursor, str, str, int)
    names: list[tuple[str | int, ...]] = [entry_name(entry) for entry in entries]
    if last is not None and last not in names:
        raise Problem(HTTPStatus.NOT_FOUND, "cursor names an entry that is not there any more: start again")
    start = 0 if last is None else names.index(last) + 1
    return Answer(
        document=pagination.cut(entries[start:], call.query.limit, lambda entry: pagination.token(entry_name(entry)))
    )


async def events(call: Call[EventsAfter, Nothing]) -> Answer:
    asked, reports, feed = call.query, call.backend.reports, call.backend.feed
    after = asked.after or asked.cursor or await reports.feed_start()

    async def read() -> list[Item]:
        return await reports.events(
            after=after, limit=asked.limit + 1, type_glob=asked.type, source=asked.source, tag=asked.tag
        )

    if asked.wait:
        with feed.listening():
            found = await feed.first(read, timedelta(seconds=asked.wait))
    else:
        found = await read()
    return Answer(document=pagination.cut(found, asked.limit, lambda item: next_cursor(after, item["cursor"])))


async def deliveries(call: Call[DeliveryChoice, Nothing]) -> Answer:
    asked = call.query
    after = pagination.place(asked.cursor, int)
    found = await call.backend.reports.deliveries(
        state=asked.state,
        endpoint=asked.endpoint,
        after=0 if after is None else int(after[0]),
        limit=asked.limit + 1,
    )
    return Answer(document=pagination.cut(found, asked.limit, of_delivery))


async def endpoints(call: Call[Paged, Nothing]) -> Answer:
    return _by_name(call.query, await call.backend.reports.endpoints(call.backend.clock.now()))


async def replicas(call: Call[Paged, Nothing]) -> Answer:
    return _by_name(call.query, await call.backend.reports.replicas(call.backend.clock.now()))


async def sources(call: Call[Paged, Nothing]) -> Answer:
    return _by_name(call.query, await call.backend.reports.sources(call.backend.clock.now(), call.backend.rates()))


async def aging(call: Call[AgingChoice, Nothing]) -> Answer:
    asked = call.query
    found = await call.backend.aging(asked.by, aging_place(asked.cursor), asked.limit + 1)
    shown, following = pagination.first(found, asked.limit, of_aging)
    return Answer(document={"items": [aging_item(row) for row in shown], "next": following})


async def customers(call: Call[CustomerChoice, Nothing]) -> Answer:
    asked = call.query
    found = await call.backend.receivables.customers(asked.search, pagination.pair(asked.cursor), asked.limit + 1)
    shown, following = pagination.first(found, asked.limit, of_customer)
    return Answer(document={"items": [customer_item(one) for one in shown], "next": following})


async def forecast(call: Call[ReportChoice, Nothing]) -> Answer:
    rows = await call.backend.receivables.forecast(call.query.source)
    return _page_of_report(call.query, [item for row in rows for item in forecast_items(row)])


async def dso(call: Call[ReportChoice, Nothing]) -> Answer:
    rows = await call.backend.receivables.dso(call.query.source)
    return _page_of_report(call.query, [dso_item(row) for row in rows])


_ReportPlace = tuple[str, str, str, int]


def _money_of(item: Item) -> tuple[str, str, str]:
    return str(item["direction"]), str(item["currency"]), str(item["unit"])


def _page_of_report(asked: ReportChoice, items: Sequence[Item]) -> Answer:
    """A page of what is always added up as a whole; a cursor is a number within a direction and currency."""
    keyed: list[tuple[_ReportPlace, Item]] = []
    for (direction, currency, unit), found in groupby(items, key=_money_of):
        keyed += [((direction, currency, unit, number), item) for number, item in enumerate(found)]
    after = cast("_ReportPlace | None", pagination.place(asked.cursor, str, str, str, int))
    start = 0 if after is None else sum(place <= after for place, _ in keyed)
    shown, following = pagination.first(keyed[start:], asked.limit, lambda one: pagination.token(one[0]))
    return Answer(document={"items": [item for _, item in shown], "next": following})


def of_customer(customer: Customer) -> str:
    return pagination.token(customer.key)


def aging_place(cursor: str | None) -> AgingKey | None:
    return cast("AgingKey | None", pagination.place(cursor, str, str, str, str, int))


def audit_place(cursor: str | None) -> int | None:
    found = pagination.place(cursor, int)
    return None if found is None else int(found[0])


async def audit(call: Call[AuditChoice, Nothing]) -> Answer:
    asked = call.query
    found = await call.backend.reports.audit(since=asked.since, before=audit_place(asked.cursor), limit=asked.limit + 1)
    shown, following = pagination.first(found, asked.limit, of_audit)
    return Answer(document={"items": [item for _, item in shown], "next": following})


async def endpoint(call: Call[Nothing, Nothing]) -> Answer:
    """The endpoint that the path names, as it is now."""
    name = call.segment("name")
    for item in await call.backend.reports.endpoints(call.backend.clock.now()):
        if item["name"] == name:
            return Answer(document=item)
    raise NotFound(f"no endpoint {name}")


async def delivery(call: Call[Nothing, Nothing]) -> Answer:
    """The delivery that the path names, as it is now."""
    delivery_id = call.segment("delivery_id")
    number = int(delivery_id.partition("_")[2])
    (item,) = await call.backend.reports.deliveries(after=number - 1, limit=1)
    return Answer(HTTPStatus.ACCEPTED, item)


def _by_name(asked: Paged, items: list[Item]) -> Answer:
    """A page of a list that is short enough to be read whole: people configure sources and endpoints."""
    after = pagination.place(asked.cursor, str)
    rest = [item for item in items if after is None or str(item["name"]) > str(after[0])]
    rest.sort(key=lambda item: str(item["name"]))
    return Answer(document=pagination.cut(rest, asked.limit, lambda item: pagination.token([str(item["name"])])))


def of_watch(item: Item) -> str:
    return pagination.token([str(item["source"]), str(item["invoice_id"])])


def of_delivery(item: Item) -> str:
    return pagination.token([int(cast("str", item["delivery_id"]).partition("_")[2])])


def of_aging(row: AgingRow) -> str:
    return pagination.token(row.key)


def of_audit(keyed: tuple[int, Item]) -> str:
    return pagination.token([keyed[0]])


def entry_name(entry: Item) -> tuple[str, str, int]:
    match entry["kind"]:
        case "snapshot":
            return "snapshot", "", cast("int", entry["version"])
        case "event":
            return "event", "", cast("int", cast("Item", entry["event"])["cursor"])
        case _:
            return "attempt", str(entry["delivery_id"]), cast("int", entry["number"])
