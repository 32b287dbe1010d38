"""Errors as RFC 9457 problem documents: every answer from 400 on is one, including those of aiohttp."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus

from aiohttp import web
from pydantic import ValidationError

from watcher.core import json_text
from watcher.core.errors import CursorGone, InvalidAnswer, NotAllowed, NotFound, Refused, StoreUnavailable, WatcherError
from watcher.described_model import DescribedModel

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CONTENT_TYPE = "application/problem+json"
_STATUS = {
    CursorGone: HTTPStatus.GONE,
    NotFound: HTTPStatus.NOT_FOUND,
    NotAllowed: HTTPStatus.FORBIDDEN,
    Refused: HTTPStatus.CONFLICT,
    StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    InvalidAnswer: HTTPStatus.BAD_REQUEST,
}


class Mistake(DescribedModel):
    """One mistake in the request."""

    at: str
    """The query parameter or the key of the body."""
    problem: str


class ProblemDocument(DescribedModel):
    """Why the request was not done (RFC 9457)."""

    type: str = "about:blank"
    title: str
    """The status in words."""
    status: int
    detail: str | None = None
    """What is wrong here, and often what to do instead."""
    errors: list[Mistake] | None = None
    first: int | None = None
    """With 410: the cursor from which on all events are kept. Ask for what comes after the number before it."""


class Problem(Exception):
    """Ends a request with this answer."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str | None = None,
        *,
        mistakes: Sequence[Mistake] = (),
        headers: Mapping[str, str] | None = None,
        first: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.mistakes = mistakes
        self.headers = dict(headers or {})
        self.first = first

    @classmethod
    def of(cls, error: WatcherError) -> "Problem":
        """The answer to an error of the program; `str(error)` is made for people and contains no secret."""
        status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), None)
        first = error.first if isinstance(error, CursorGone) else None
        return cls(status or HTTPStatus.INTERNAL_SERVER_ERROR, str(error), first=first)

    @classmethod
    def invalid(cls, error: ValidationError, what: str) -> "Problem":
        """The answer to a request that does not fit its model. What was sent is not repeated: it may be a secret."""
        mistakes = [
            Mistake(at=".".join(map(str, one["loc"])) or what, problem=one["msg"].removeprefix("Value error, "))
            for one in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        return cls(HTTPStatus.BAD_REQUEST, f"the {what} is not as described in /openapi.json", mistakes=mistakes)

    def response(self) -> web.Response:
        return web.Response(
            status=self.status,
            body=_document(self.status, self.detail, self.mistakes, self.first),
            content_type=CONTENT_TYPE,
            headers=self.headers,
        )


async def respond(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The handler's answer, or that of the problem it raised."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except WatcherError as error:
        return Problem.of(error).response()


async def as_problem(request: web.Request, response: web.StreamResponse) -> None:
    """A signal before each answer leaves: what aiohttp would answer in plain text becomes a problem document."""
    del request
    wrong = response.status >= HTTPStatus.BAD_REQUEST
    if (
        wrong
        and isinstance(response, web.Response)
        and response.content_type in {"text/plain", "application/octet-stream"}
    ):
        body = _document(HTTPStatus(response.status), None, ())
        response.body = body
        response.content_type = CONTENT_TYPE
        response.charset = None
        response.headers["Content-Length"] = str(len(body))


def _document(status: HTTPStatus, detail: str | None, mistakes: Sequence[Mistake], first: int | None = None) -> bytes:
    document: dict[str, object] = {"type": "about:blank", "title": status.phrase, "status": status.value}
    if detail:
        document["detail"] = detail
    if mistakes:
        document["errors"] = [one.model_dump() for one in mistakes]
    if first is not None:
        document["first"] = first
    return json_text.write(document)
