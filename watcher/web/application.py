"""The routes, and what is done for every request before and after."""

from http import HTTPStatus

import anyio
import structlog
from aiohttp import web

from watcher.web import login, page
from watcher.web.api.operation import BACKEND, AnyOperation, Backend, caller_of, perform, wants_csv
from watcher.web.api.operation_kinds import API, FILE
from watcher.web.api.routes import OPERATIONS
from watcher.web.hints import ROUTE as HINTS
from watcher.web.hints import HintRoutes
from watcher.web.problems import Handler, Problem, as_problem, respond

MOST_BODY_BYTES = 64 * 1024

_log = structlog.get_logger()


def application(backend: Backend, hints: HintRoutes | None = None) -> web.Application:
    """Everything that is served, on this backend; with the routes of hints if they share its address."""
    app = web.Application(middlewares=[_answered, _guarded], client_max_size=MOST_BODY_BYTES)
    app[BACKEND] = backend
    for operation in OPERATIONS:
        app.router.add_route(operation.method, _pattern(operation.path), _handler(operation), name=operation.name)
    page.add_routes(app.router)
    if hints is not None:
        hints.add(app.router)
    app.router.add_post("/login", login.login)
    app.router.add_post("/logout", login.logout)
    app.on_response_prepare.append(as_problem)
    app.on_response_prepare.append(_secured)
    return app


def _pattern(path: str) -> str:
    """A segment matches anything but a slash: aiohttp's own pattern refuses the braces that an id may contain."""
    return path.replace("}", ":[^/]+}")


def _handler(operation: AnyOperation) -> Handler:
    file = _FILES.get(operation.path) if operation.method == "GET" else None

    async def handle(request: web.Request) -> web.StreamResponse:
        backend = request.app[BACKEND]
        in_form = file if file is not None and wants_csv(request.headers.get("Accept", "")) else operation
        return await perform(in_form, backend, request, caller_of(backend, request))

    return handle


_FILES = {operation.path.removesuffix(FILE): operation for operation in OPERATIONS if operation.path.endswith(FILE)}
"""The lists that are also CSV files, by the path of the list."""
_OPEN = frozenset(operation.name for operation in OPERATIONS if operation.is_open)


def _needs_token(request: web.Request) -> bool:
    below_token = request.path.startswith(f"{API}/") or request.path in {API, "/metrics"}
    return below_token and request.match_info.route.name not in _OPEN


@web.middleware
async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One line per request at debug; the query is left out, because it may contain more than a log should keep."""
    began = anyio.current_time()
    status = HTTPStatus.INTERNAL_SERVER_ERROR.value
    try:
        response = await respond(request, handler)
        status = response.status
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        _log.debug(
            "request.answered",
            method=request.method,
            path=request.path,
            status=status,
            milliseconds=round((anyio.current_time() - began) * 1000),
        )
    return response


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    access = request.app[BACKEND].access
    if request.match_info.route.name == HINTS:
        return await handler(request)  # providers call by a public name, and prove who they are
    if not access.is_our_host(request.headers.get("Host")):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "the Host header names neither loopback nor the address in http.listen, nor is it in http.hosts: "
            "ask by one of those",
        )
    if not access.is_same_site(request.method, request.headers):
        raise Problem(HTTPStatus.FORBIDDEN, "the request comes from a page of another site (Origin, Sec-Fetch-Site)")
    if _needs_token(request) and caller_of(request.app[BACKEND], request) is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "give a token of [http] as `Authorization: Bearer …`, or log in at /",
            headers={"WWW-Authenticate": 'Bearer realm="invoice-watcher"'},
        )
    return await handler(request)


async def _secured(request: web.Request, response: web.StreamResponse) -> None:
    del request
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Not no-referrer: with it a browser sends `Origin: null` for our own forms.
    response.headers["Referrer-Policy"] = "same-origin"
