"""The routes of the page's views and actions."""

from aiohttp import web

from watcher.web.page import actions, adding, customers, forecasts, lists, rendering, reports, timezone
from watcher.web.page.overview import overview
from watcher.web.page.timeline import invoice
from watcher.web.page.view import does, shows

_SOURCE, _INVOICE, _NAME = "{source:[^/]+}", "{invoice_id:[^/]+}", "{name:[^/]+}"
_CUSTOMER = "{customer_id:[^/]+}"

VIEWS = {
    "/": overview,
    "/invoices": lists.invoices,
    f"/invoices/{_SOURCE}/{_INVOICE}": invoice,
    "/customers": customers.customers,
    f"/customers/{_SOURCE}/{_CUSTOMER}": customers.customer,
    "/watches": lists.watches,
    "/watches/add": adding.ask,
    "/events": lists.events,
    "/deliveries": lists.deliveries,
    "/endpoints": lists.endpoints,
    "/aging": reports.aging,
    "/forecast": forecasts.forecast,
    "/dso": forecasts.dso,
    "/audit": reports.audit,
}
ACTS = {
    f"/invoices/{_SOURCE}/{_INVOICE}/poll": (actions.poll, "/invoices"),
    f"/invoices/{_SOURCE}/{_INVOICE}/edit": (actions.edit_watch, "/invoices"),
    f"/endpoints/{_NAME}/test": (actions.test_endpoint, "/endpoints"),
    f"/endpoints/{_NAME}/enable": (actions.enable_endpoint, "/endpoints"),
    f"/endpoints/{_NAME}/disable": (actions.disable_endpoint, "/endpoints"),
    "/deliveries/{delivery_id:[^/]+}/redeliver": (actions.redeliver, "/deliveries"),
}
ADDING = "/watches"


def add_routes(router: web.UrlDispatcher) -> None:
    for path, view in VIEWS.items():
        router.add_get(path, shows(view))
    for path, (act, instead) in ACTS.items():
        router.add_post(path, does(act, instead))
    router.add_post("/watches/add", shows(adding.preview))
    router.add_post(ADDING, does(adding.add, "/watches", leaves=True))
    router.add_post("/timezone", timezone.switch)
    router.add_get(f"/static/{_NAME}", rendering.file)
