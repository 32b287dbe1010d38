"""The login: a form takes the token, and a cookie replaces it from then on."""

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
    if not isinstance(given, str) or not backend.access.logs_in(given.strip()):
        return login_form(
            page_request_of(request), HTTPStatus.UNAUTHORIZED, problem="That is not the token.", target=target
        )
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": target})
    response.set_cookie(
        COOKIE,
        backend.access.session(backend.clock.now()),
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
