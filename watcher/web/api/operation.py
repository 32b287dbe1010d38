"""What the API can do, one value for each operation: the same value is routed and described."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Generic, TypeVar, cast
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel, ValidationError

from watcher.clock import Clock
from watcher.core import json_text
from watcher.ports import (
    Actions,
    AgingBy,
    AgingKey,
    AgingRow,
    Caller,
    Condition,
    Dashboard,
    DetectionDelay,
    HintSummary,
    Receivables,
    Reports,
    Scope,
)
from watcher.web.access import COOKIE, Access
from watcher.web.api.request_models import Nothing
from watcher.web.dashboard_cache import DashboardCache
from watcher.web.event_feed import Feed
from watcher.web.problems import Mistake, Problem

_MOST_PARAMETERS = 50
_WEIGHT = re.compile(r"[01](\.[0-9]{0,3})?", re.ASCII)
_JSON = "application/json"
CSV = "text/csv"

NOBODY = Caller("nobody", Scope.READ)
"""Whoever gives no token although there are some."""

_Query = TypeVar("_Query", bound=BaseModel)
_Body = TypeVar("_Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Backend:
    """What the operations use.

    `actions` are those of a caller, and refuse one who may only read. `rates` are the configured ones by source,
    `schemas` make them, by their names.
    """

    reports: Reports
    actions: Callable[[Caller], Actions]
    feed: Feed
    clock: Clock
    access: Access
    condition: Callable[[], Awaitable[Condition]]
    metrics: Callable[[], Awaitable[bytes]]
    rates: Callable[[], Mapping[str, str]]
    schemas: Mapping[str, Callable[[], Mapping[str, object]]]
    dashboard: Dashboard
    dashboard_cache: DashboardCache
    requests: Callable[[], Mapping[str, int]]
    detection_delays: Callable[[], Sequence[DetectionDelay] | None]
    hints: Callable[[datetime], Awaitable[Mapping[str, HintSummary]]]
    aging: Callable[[AgingBy, AgingKey | None, int | None], Awaitable[Sequence[AgingRow]]]
    """The aging report as of now: rows after a key, at most so many."""
    timezone: Callable[[], ZoneInfo]
    """Where the page shows instants, unless its reader chose another zone."""
    receivables: Receivables


@dataclass(frozen=True, slots=True)
class Call(Generic[_Query, _Body]):
    """One checked request. `caller` is None without a token: open operations are asked like that, too."""

    backend: Backend
    request: web.Request
    query: _Query
    body: _Body
    caller: Caller | None

    @property
    def actions(self) -> Actions:
        """What may be changed, in the caller's name."""
        return self.backend.actions(self.caller or NOBODY)

    def segment(self, name: str) -> str:
        """A part of the path, decoded."""
        return self.request.match_info[name]


@dataclass(frozen=True, slots=True)
class Answer:
    """`document` is what the operation's `answer` describes; None if only a status is sent."""

    status: HTTPStatus = HTTPStatus.OK
    document: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Operation(Generic[_Query, _Body]):
    """`answers` are the successful ones: None for no body, a model, or a JSON document that needs no model.

    `refusals` are the statuses of problem documents besides those of every operation.
    """

    method: str
    path: str
    name: str
    summary: str
    act: Callable[[Call[_Query, _Body]], Awaitable[Answer | web.StreamResponse]]
    answers: Mapping[HTTPStatus, type[BaseModel] | None]
    query: type[_Query]
    body: type[_Body]
    refusals: tuple[HTTPStatus, ...] = ()
    is_open: bool = False
    choices: tuple[str, ...] = ()
    """All values of the path's only segment, if they are known."""
    media_type: str = _JSON


AnyOperation = Operation[Any, Any]

BACKEND = web.AppKey("desk", Backend)


def caller_of(backend: Backend, request: web.Request) -> Caller | None:
    return backend.access.caller(request.headers, request.cookies.get(COOKIE), backend.clock.now())


async def perform(
    operation: AnyOperation, backend: Backend, request: web.Request, caller: Caller | None
) -> web.StreamResponse:
    """Check the request, do it, and write the answer by its model. Raises Problem, and WatcherError of the backend."""
    query = query_of(operation.query, request)
    body = operation.body() if operation.body is Nothing else await _read_body(operation.body, request)
    answer = await operation.act(Call(backend, request, query, body, caller))
    if isinstance(answer, web.StreamResponse):
        return answer
    model = operation.answers[answer.status]
    if answer.document is None:
        return web.Response(status=answer.status)
    if model is None:
        written = json_text.write(answer.document)
    else:
        written = model.model_validate(answer.document).model_dump_json(exclude_unset=True).encode()
    return web.Response(status=answer.status, body=written, content_type=operation.media_type)


def wants_csv(accept: str) -> bool:
    """Whether an Accept header names CSV, and nothing that it likes better; a wildcard does not ask for it."""
    weights = {name: weight for name, weight in map(_media_range, accept.split(",")) if weight > 0}
    return CSV in weights and weights[CSV] >= max(weights.get(_JSON, 0.0), weights.get("application/*", 0.0))


def _media_range(text: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    return name, float(weight) if _WEIGHT.fullmatch(weight) else 0.0


def query_of(model: type[_Query], request: web.Request, *, without_empty: bool = False) -> _Query:
    """The query by its model. Raises Problem. `without_empty`: an empty field of a form counts as not given."""
    given = _parameters(request)
    if without_empty:
        given = {name: value for name, value in given.items() if value}
    return checked(model, given, "query")


def _parameters(request: web.Request) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            request.rel_url.raw_query_string, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "the query cannot be read: is it percent-encoded UTF-8?") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Problem(HTTPStatus.BAD_REQUEST, mistakes=[Mistake(at=twice[:64], problem="is given twice")])
    return found


async def _read_body(model: type[_Body], request: web.Request) -> _Body:
    if request.content_type != _JSON:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the body must be {_JSON}", headers={"Accept": _JSON})
    document = json_text.read(await request.read())
    if not isinstance(document, dict):
        raise Problem(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
    return checked(model, cast("dict[str, object]", document), "body")


def checked(model: type[_Query], given: Mapping[str, object], what: str) -> _Query:
    """What was given, by its model; `what` it is, such as the body. Raises Problem."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Problem.invalid(error, what) from error
