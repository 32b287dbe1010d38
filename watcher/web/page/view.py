"""One request for a page or an action on it, and what every answer to it has."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote, unquote, urlsplit

from aiohttp import web
from pydantic import BaseModel

from watcher.core.errors import NotAllowed, WatcherError
from watcher.ports import Actions, Caller, Condition
from watcher.web.api.operation import BACKEND, NOBODY, Backend, caller_of, query_of
from watcher.web.page import zones
from watcher.web.page.rendering import Reader, page
from watcher.web.page.zones import zone_of
from watcher.web.problems import Problem

NOTE = "invoice_watcher_note"
"""A cookie that carries the result of an action over the redirect to the page that shows it."""
_LONGEST_NOTE = 600
_NOTE_SECONDS = 60

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_Query = TypeVar("_Query", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`caller` is None without a login where there are tokens."""

    backend: Backend
    http: web.Request
    now: datetime
    caller: Caller | None

    @property
    def reader(self) -> Reader:
        configured = self.backend.timezone()
        zone = zone_of(self.http.cookies.get(zones.COOKIE), configured)
        return Reader(self.now, zone, tuple(dict.fromkeys((configured.key, "UTC", zone.key))))

    @property
    def actions(self) -> Actions:
        """What may be changed, in the caller's name."""
        return self.backend.actions(self.caller or NOBODY)

    def segment(self, name: str) -> str:
        """A part of the path, decoded."""
        return self.http.match_info[name]

    def query(self, model: type[_Query]) -> _Query:
        """The query by its model; an empty field of a form counts as not given. Raises Problem."""
        return query_of(model, self.http, without_empty=True)


@dataclass(frozen=True, slots=True)
class View:
    """A template and its context. `section` is the entry of the navigation."""

    template: str
    section: str
    context: Mapping[str, object] = field(default_factory=dict[str, object])
    status: HTTPStatus = HTTPStatus.OK


def shows(view: Callable[[PageRequest], Awaitable[View]]) -> Handler:
    """A handler that shows a view to whoever may see it, the login to others, and errors in words."""

    async def handle(request: web.Request) -> web.StreamResponse:
        page_request = page_request_of(request)
        if page_request.caller is None:
            return login_form(page_request, HTTPStatus.OK if request.path == "/" else HTTPStatus.UNAUTHORIZED)
        try:
            seen = await view(page_request)
            return await _answer(page_request, seen)
        except Problem as problem:
            return await failed(page_request, problem)
        except WatcherError as error:
            return await failed(page_request, Problem.of(error))

    return handle


def does(act: Callable[[PageRequest], Awaitable[str]], target: str, *, leaves: bool = False) -> Handler:
    """A handler that acts, then redirects to the page it was called from, which shows the result.

    `target` is where to go if that page is unknown, or always if the act `leaves` it.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        page_request = page_request_of(request)
        if page_request.caller is None:
            return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
        try:
            note = await act(page_request)
        except NotAllowed as error:
            return await failed(page_request, Problem.of(error))
        except Problem as problem:
            return await failed(page_request, problem)
        except WatcherError as error:
            note = f"Not done: {error}"
        back = None if leaves else asked_from(request)
        answer = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": back or target})
        answer.set_cookie(
            NOTE, quote(note[:_LONGEST_NOTE]), max_age=_NOTE_SECONDS, path="/", httponly=True, samesite="Strict"
        )
        return answer

    return handle


def login_form(
    page_request: PageRequest, status: HTTPStatus, *, problem: str | None = None, target: str | None = None
) -> web.Response:
    """The login form.

    After a link from elsewhere there is no cookie (SameSite=Strict), even if the user is logged in.
    """
    asked = local(page_request.http.path_qs) or "/" if target is None else target
    followed = page_request.http.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}
    context: dict[str, object] = {"problem": problem, "target": asked, "followed": followed}
    return page("login.html", page_request.reader, context, status)


def local(target: str) -> str | None:
    """A path of ours, or None if a browser would take it for another site's address."""
    own = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if own and target.isprintable() and target.isascii() else None


def page_request_of(request: web.Request) -> PageRequest:
    backend = request.app[BACKEND]
    return PageRequest(backend, request, backend.clock.now(), caller_of(backend, request))


async def _answer(page_request: PageRequest, view: View) -> web.Response:
    note = unquote(page_request.http.cookies.get(NOTE, ""))
    around: dict[str, object] = {
        "section": view.section,
        "note": note,
        "troubles": troubles(await page_request.backend.condition()),
        "has_login": bool(page_request.backend.access.tokens()),
        "may_act": page_request.caller is not None and page_request.caller.may_operate,
    }
    answer = page(view.template, page_request.reader, {**view.context, **around}, view.status)
    if note:
        answer.del_cookie(NOTE, path="/", httponly=True, samesite="Strict")
    return answer


async def failed(page_request: PageRequest, problem: Problem) -> web.Response:
    """The page that says why a request was not done."""
    mistakes = [f"{one.at}: {one.problem}" for one in problem.mistakes]
    context: dict[str, object] = {"title": problem.status.phrase, "detail": problem.detail, "mistakes": mistakes}
    return await _answer(page_request, View("error.html", "", context, problem.status))


def troubles(condition: Condition) -> list[tuple[str, tuple[str, ...]]]:
    """What is wrong with the service itself: a sentence each, and its details."""
    found: list[tuple[str, tuple[str, ...]]] = []
    if condition.store_error:
        found.append(("The database does not work.", (condition.store_error,)))
    if condition.stalled:
        found.append(("The service does not make progress.", tuple(f"{one} is stalled" for one in condition.stalled)))
    if condition.config_problems:
        found.append(
            ("The configuration files have mistakes; the last good reading stays in force.", condition.config_problems)
        )
    if condition.clock_ahead is not None:
        off = f"this machine's clock is {condition.clock_ahead} seconds ahead of the providers'"
        found.append(("Overdue and reminders are held back.", (off,)))
    if condition.lists_held_since is not None:
        held = "it would stop more than half of the watches: reload (SIGHUP) to confirm it"
        found.append(("The last change of the watch lists is held back.", (held,)))
    if condition.differing:
        names = tuple(f"{name} has another configuration" for name in condition.differing)
        found.append(("The replicas have different configurations.", names))
    return found


def asked_from(request: web.Request) -> str | None:
    """The page of ours that the request comes from."""
    parts = urlsplit(request.headers.get("Referer", ""))
    if parts.netloc != request.host:
        return None
    return local(f"{parts.path}?{parts.query}" if parts.query else parts.path)
