"""The login: a form takes the token, a cookie stands for it from then on."""

from html import escape
from http import HTTPStatus

from aiohttp import web

from watcher.web.access import COOKIE, SESSION
from watcher.web.operation import Desk

DESK = web.AppKey("desk", Desk)

POLICY = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

_FORM = """\
<form method="post" action="/login">
<p><label for="token">Token</label> <input id="token" name="token" type="password" autocomplete="current-password" \
required autofocus></p>
<p><button>Log in</button></p>
</form>
"""
_LOGOUT = '<form method="post" action="/logout"><p><button>Log out</button></p></form>\n'
_HELLO = '<p>Invoice Watcher is running. Its API is described in <a href="/openapi.json">/openapi.json</a>.</p>\n'


async def home(request: web.Request) -> web.StreamResponse:
    """What is there to see for who is logged in, else the form."""
    desk = request.app[DESK]
    if not desk.access.admits(request.headers, request.cookies.get(COOKIE), desk.clock.now()):
        return _page(_FORM)
    return _page(_HELLO + (_LOGOUT if desk.access.token() is not None else ""))


async def login(request: web.Request) -> web.StreamResponse:
    desk = request.app[DESK]
    given = (await request.post()).get("token")
    if not isinstance(given, str) or not desk.access.logs_in(given.strip()):
        return _page(f"<p role=alert>{escape('That is not the token.')}</p>\n{_FORM}", HTTPStatus.UNAUTHORIZED)
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
    response.set_cookie(
        COOKIE,
        desk.access.session(desk.clock.now()),
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


def _page(body: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    text = f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Invoice Watcher</title>\n{body}</html>\n'
    return web.Response(status=status, text=text, content_type="text/html", headers={"Content-Security-Policy": POLICY})
