"""Who is let in: token, cookie, Host and Origin, over real sockets."""

from collections.abc import Mapping
from http.cookies import SimpleCookie

import pytest
from structlog.testing import capture_logs

from tests.integration.web.client import TOKEN, Answered, Client
from tests.integration.web.conftest import WITH_TOKEN
from watcher.daemon.http_server import backend
from watcher.ports import AccessToken, Scope

PROTECTED = ("/api/v1/watches", "/api/v1/events/stream", "/api/v1/nothing", "/api/v1", "/api/v1/", "/metrics")
OPEN = ("/healthz", "/readyz", "/openapi.json", "/api/v1/schema/event", "/")


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": "Bearer ümläut"},
        {"Cookie": f"invoice_watcher_session={TOKEN}"},
        {"Cookie": "invoice_watcher_session=9999999999.0000"},
    ],
)
async def test_without_the_token_nothing_is_shown(sqlite_client: Client, path: str, headers: Mapping[str, str]) -> None:
    refused = await sqlite_client.ask("GET", path, token=None, headers=headers)
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", OPEN)
async def test_what_is_open_needs_no_token(sqlite_client: Client, path: str) -> None:
    assert (await sqlite_client.ask("GET", path, token=None)).status == 200


async def test_without_a_configured_token_everything_is_open(open_client: Client) -> None:
    for path in ("/api/v1/watches", "/readyz", "/"):
        assert (await open_client.ask("GET", path, token=None)).status == 200


async def log_in(client: Client, token: str, headers: Mapping[str, str] | None = None) -> Answered:
    return await client.ask("POST", "/login", token=None, data={"token": token}, headers=headers)


def cookie_of(answer: Answered) -> str:
    (morsel,) = SimpleCookie(answer.headers["Set-Cookie"]).values()
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Strict", "/")
    return f"{morsel.key}={morsel.value}"


async def test_a_login_gives_a_cookie_that_the_api_takes(sqlite_client: Client) -> None:
    client = sqlite_client
    wrong = await log_in(client, "wrong")
    assert (wrong.status, "Set-Cookie" in wrong.headers) == (401, False)
    form = await client.ask("GET", "/", token=None)
    assert 'name="token"' in form.text
    right = await log_in(client, TOKEN)
    assert (right.status, right.headers["Location"]) == (303, "/")
    cookie = cookie_of(right)
    assert TOKEN not in cookie
    headers = {"Cookie": cookie}
    assert (await client.ask("GET", "/api/v1/watches", token=None, headers=headers)).status == 200
    desired = {"source": "acme", "invoice_id": "inv_1"}
    assert (await client.ask("POST", "/api/v1/watches", token=None, headers=headers, body=desired)).status == 201
    assert 'name="token"' not in (await client.ask("GET", "/", token=None, headers=headers)).text
    out = await client.ask("POST", "/logout", token=None, headers=headers)
    assert (out.status, cookie_of(out)) == (303, "invoice_watcher_session=")


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "none"},
        {"Host": "evil.example"},
        {"Host": "evil.example:8480"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "192.0.2.1"},
        {"Host": "localhost@evil.example"},
        {"Host": ""},
    ],
)
async def test_a_page_of_somebody_else_is_refused_with_and_without_a_token(
    sqlite_client: Client, open_client: Client, foreign: Mapping[str, str]
) -> None:
    desired = {"source": "acme", "invoice_id": "inv_1"}
    for client in (sqlite_client, open_client):
        for method, path in (("GET", "/healthz"), ("GET", "/"), ("GET", "/api/v1/events/stream"), ("POST", "/login")):
            assert (await client.ask(method, path, headers=foreign)).status == 403
        assert (await client.ask("POST", "/api/v1/watches", headers=foreign, body=desired)).status == 403


async def test_our_own_page_may_write(open_client: Client) -> None:
    port = open_client.url.rpartition(":")[2]
    own: list[Mapping[str, str]] = [
        {"Origin": f"http://127.0.0.1:{port}"},
        {"Origin": f"http://localhost:{port}", "Host": f"localhost:{port}"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://watcher.example.com"},
        {"Host": f"[::1]:{port}"},
        {"Host": "LOCALHOST"},
    ]
    for number, headers in enumerate(own):
        desired = {"source": "acme", "invoice_id": f"inv_{number}"}
        assert (await open_client.ask("POST", "/api/v1/watches", headers=headers, body=desired)).status == 201


async def test_a_link_from_elsewhere_may_lead_here_and_a_form_may_not(open_client: Client) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await open_client.ask("GET", "/", headers=followed)).status == 200
    assert (await open_client.ask("POST", "/api/v1/endpoints/crm/disable", headers=followed)).status == 403


async def test_a_reload_takes_the_token_away_only_where_nobody_else_can_reach_us(sqlite_client: Client) -> None:
    service = sqlite_client.service
    public, loopback = backend(service, "192.0.2.1").access, backend(service, "127.0.0.1").access
    given = (AccessToken("default", Scope.OPERATE, TOKEN),)
    assert public.tokens() == loopback.tokens() == given
    path = service.configuration.path
    path.write_text(path.read_text().replace(WITH_TOKEN, ""))
    await service.reload(forced=True)
    assert (public.tokens(), loopback.tokens()) == (given, ())


async def test_a_request_is_logged_in_one_line_without_token_and_query(sqlite_client: Client) -> None:
    with capture_logs() as logged:
        await sqlite_client.ask("GET", "/api/v1/watches?source=acme")
        await sqlite_client.ask("GET", "/nowhere")
    lines = [(line["log_level"], line["method"], line["path"], line["status"]) for line in logged]
    assert lines == [("debug", "GET", "/api/v1/watches", 200), ("debug", "GET", "/nowhere", 404)]
    assert TOKEN not in str(logged)
