"""The kinds of operations that the table of the API is made of."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel

from watcher.web.api.operation import CSV, Answer, AnyOperation, Call, Operation
from watcher.web.api.request_models import Nothing

API = "/api/v1"
FILE = ".csv"
_OK = HTTPStatus.OK

_Query = TypeVar("_Query", bound=BaseModel)

_Act = Callable[[Call[_Query, Nothing]], Awaitable[Answer | web.StreamResponse]]


def shown(
    path: str,
    name: str,
    summary: str,
    act: _Act[_Query],
    shapes: tuple[type[_Query], type[BaseModel]],
    *refusals: HTTPStatus,
) -> AnyOperation:
    """`shapes` are those of the query and of the answer."""
    query, answer = shapes
    return Operation("GET", f"{API}/{path}", name, summary, act, {_OK: answer}, query, Nothing, refusals)


def done(
    path: str,
    name: str,
    summary: str,
    act: _Act[Nothing],
    answers: Mapping[HTTPStatus, type[BaseModel] | None],
    *refusals: HTTPStatus,
    method: str = "POST",
) -> AnyOperation:
    return Operation(method, f"{API}/{path}", name, summary, act, answers, Nothing, Nothing, refusals)


def file(name: str, act: _Act[_Query], query: type[_Query], *refusals: HTTPStatus) -> AnyOperation:
    """A list as CSV; also what the list itself answers to `Accept: text/csv`."""
    path, summary = f"{API}/{name}{FILE}", f"The list of {name} as CSV, all of it"
    return Operation("GET", path, f"{name}_csv", summary, act, {_OK: None}, query, Nothing, refusals, media_type=CSV)


def unguarded(
    path: str, summary: str, act: _Act[Nothing], answers: Mapping[HTTPStatus, type[BaseModel] | None]
) -> AnyOperation:
    """Answered without a token."""
    return Operation("GET", path, path.strip("/"), summary, act, answers, Nothing, Nothing, is_open=True)
