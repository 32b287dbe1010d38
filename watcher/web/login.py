"""The login: a form takes a token, and a cookie replaces it from then on."""

from http import HTTPStatus

from aiohttp import web

from watcher.web.access import COOKIE, SESSION
from watcher.web.api.operation import BACKEND
from watcher.web.page.view import local, login_form, page_request_of


async def login(request: web.Request) -> web.StreamResponse:
    backend = request.app[BACKEND]
    form = await request.post()
    given, asked = form.get("token"), form.get("target")
    target = (local(asked) if isinstance(asked, str) else None) or "/"
    session = backend.access.log_in(given.strip(), backend.clock.now()) if isinstance(given, str) else None
    if session is None:
        return login_form(
            page_request_of(request),
            HTTPStatus.UNAUTHORIZED,
            problem="That is no token of this service.",
            target=target,
        )
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": target})
    response.set_cookie(
        COOKIE,
        session,
        max_age=int(SESSION.total_seconds()),
        path="/",
        httponly=True,
        samesite="Strict",
    )
    return response


async def logout(request: web.Request) -> web.StreamResponse:
    del request
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
    return response
