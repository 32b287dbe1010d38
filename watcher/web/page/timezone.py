"""The switch of the time zone: a form at the foot of every page, kept in a cookie."""

from http import HTTPStatus

from aiohttp import web

from watcher.web.page import zones
from watcher.web.page.forms import read_form
from watcher.web.page.view import asked_from, failed, page_request_of
from watcher.web.problems import Problem

_MOST_BYTES = 4096


async def switch(request: web.Request) -> web.StreamResponse:
    """Everybody may choose: it changes nothing but what this reader sees."""
    page_request = page_request_of(request)
    answer = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": asked_from(request) or "/"})
    if page_request.caller is None:
        return answer
    try:
        name = zones.find_zone((await read_form(request, _MOST_BYTES)).text("timezone"))
    except Problem as problem:
        return await failed(page_request, problem)
    # Lax, so that whoever follows a link from a message sees their own zone; it protects nothing.
    answer.set_cookie(zones.COOKIE, name, max_age=zones.KEPT_SECONDS, path="/", httponly=True, samesite="Lax")
    return answer
