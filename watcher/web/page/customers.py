"""Customers: all of them, and the page of one with its sums and invoices."""

from collections.abc import Mapping
from functools import partial

from watcher.core.errors import NotFound
from watcher.ports import CustomerSum, InvoiceFilters
from watcher.web.api import invoice_places, pagination
from watcher.web.api.queries import of_customer
from watcher.web.api.request_models import Order
from watcher.web.page.charts import Part, bar
from watcher.web.page.filters import CustomerFilter, CustomerInvoices
from watcher.web.page.lists import SHOWN
from watcher.web.page.reports import BUCKETS, KINDS
from watcher.web.page.sorting import sort_heads
from watcher.web.page.view import PageRequest, View


async def customers(page_request: PageRequest) -> View:
    asked = page_request.query(CustomerFilter)
    search = asked.search.strip() if asked.search else None
    found = await page_request.backend.receivables.customers(search, pagination.pair(asked.cursor), SHOWN + 1)
    shown, following = pagination.first(found, SHOWN, of_customer)
    chosen: Mapping[str, str] = {"search": asked.search} if asked.search else {}
    context: dict[str, object] = {
        "customers": shown,
        "chosen": chosen,
        "next": None if following is None else {**chosen, "cursor": following},
        "is_first": asked.cursor is None,
    }
    return View("customers.html", "customers", context)


async def customer(page_request: PageRequest) -> View:
    source, customer_id = page_request.segment("source"), page_request.segment("customer_id")
    asked, backend = page_request.query(CustomerInvoices), page_request.backend
    found = await backend.receivables.customer(source, customer_id)
    if found is None:
        raise NotFound(f"no watched invoice of source {source} is of customer {customer_id}")
    filters: InvoiceFilters = {
        "source": source,
        "customer": customer_id,
        "sort": asked.sort,
        "descending": asked.order is Order.DESC,
    }
    listed = await backend.reports.invoice_list(filters, invoice_places.read(asked.sort, asked.cursor), SHOWN + 1)
    shown, following = pagination.first(listed, SHOWN, partial(invoice_places.token, asked.sort))
    chosen = {"sort": asked.sort.value, "order": asked.order.value}
    context: dict[str, object] = {
        "customer": found,
        "bars": [_bar(one) for one in found.sums],
        "is_due": any(one.due.count for one in found.sums),
        "buckets": BUCKETS,
        "items": shown,
        "heads": sort_heads(asked.sort, asked.order, {}),
        "chosen": chosen,
        "next": None if following is None else {**chosen, "cursor": following},
        "is_first": asked.cursor is None,
    }
    return View("customer.html", "customers", context)


def _bar(found: CustomerSum) -> tuple[Part, ...]:
    """Which share of the money is due for how long."""
    return bar([(KINDS[bucket], one.due) for bucket, one in found.buckets.items()], found.due.due)
