"""The lists: invoices, watches, events, deliveries, endpoints."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar, cast

from pydantic import BaseModel

from watcher.core.invoices.event import EventType
from watcher.core.invoices.invoice import Status
from watcher.ports import DeliveryState, WatchState
from watcher.web.api import invoice_places, pagination
from watcher.web.api.queries import invoice_filters, of_delivery, of_watch
from watcher.web.page.filters import DeliveryFilter, EventFilter, InvoiceFilter, WatchFilter
from watcher.web.page.sorting import SORTS, sort_heads
from watcher.web.page.view import PageRequest, View

SHOWN = 50

_Row = TypeVar("_Row")


async def invoices(page_request: PageRequest) -> View:
    asked, reports = page_request.query(InvoiceFilter), page_request.backend.reports
    filters = invoice_filters(asked)
    filters["search"] = asked.search.strip() if asked.search else None
    found = await reports.invoice_list(filters, invoice_places.read(asked.sort, asked.cursor), SHOWN + 1)
    context = _listed(asked, found, partial(invoice_places.token, asked.sort))
    choices = {
        "statuses": list(Status),
        "sources": sorted(page_request.backend.rates()),
        "currencies": await reports.currencies(),
        "sort": asked.sort.value,
        "sorts": SORTS,
        "heads": sort_heads(asked.sort, asked.order, cast("Mapping[str, str]", context["chosen"])),
    }
    return View("invoices.html", "invoices", context | choices)


async def watches(page_request: PageRequest) -> View:
    asked = page_request.query(WatchFilter)
    found = await page_request.backend.reports.watch_list(
        source=asked.source, state=asked.state, after=pagination.pair(asked.cursor), limit=SHOWN + 1
    )
    choices = {"states": list(WatchState), "sources": sorted(page_request.backend.rates())}
    return View("watches.html", "watches", _listed(asked, found, of_watch) | choices)


async def events(page_request: PageRequest) -> View:
    """Newest first."""
    asked = page_request.query(EventFilter)
    found = await page_request.backend.reports.events(
        after=asked.cursor,
        limit=SHOWN + 1,
        type_glob=asked.type,
        source=asked.source,
        tag=asked.tag,
        newest_first=True,
    )
    choices = {"types": list(EventType), "sources": sorted(page_request.backend.rates())}
    return View("events.html", "events", _listed(asked, found, lambda item: str(item["cursor"])) | choices)


async def deliveries(page_request: PageRequest) -> View:
    """Newest first."""
    asked = page_request.query(DeliveryFilter)
    before = pagination.place(asked.cursor, int)
    found = await page_request.backend.reports.deliveries(
        state=asked.state,
        endpoint=asked.endpoint,
        after=0 if before is None else cast("int", before[0]),
        limit=SHOWN + 1,
        newest_first=True,
    )
    names = [one.name for one in await page_request.backend.dashboard.endpoints(page_request.now)]
    choices = {"states": list(DeliveryState), "endpoints": names}
    return View("deliveries.html", "deliveries", _listed(asked, found, of_delivery) | choices)


async def endpoints(page_request: PageRequest) -> View:
    cached = await page_request.backend.dashboard_cache.current()
    context = {"endpoints": await page_request.backend.dashboard.endpoints(page_request.now), "cached": cached}
    return View("endpoints.html", "endpoints", context)


def _listed(asked: BaseModel, found: Sequence[_Row], where: Callable[[_Row], str]) -> dict[str, object]:
    """`chosen` are the filters as the query has them; `next` the parameters of the next page."""
    chosen: Mapping[str, object] = asked.model_dump(mode="json", exclude_defaults=True, exclude={"cursor"})
    filters = {name: str(value).lower() if isinstance(value, bool) else value for name, value in chosen.items()}
    shown, following = pagination.first(found, SHOWN, where)
    return {
        "items": shown,
        "chosen": filters,
        "next": None if following is None else filters | {"cursor": following},
        "is_first": getattr(asked, "cursor", None) is None,
    }
