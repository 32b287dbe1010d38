"""Who may see the page, and what may be done on it without a script."""

import re
from dataclasses import replace
from http.cookies import SimpleCookie

import pytest

from tests.fakes.stored import OPEN
from tests.integration.web.client import TOKEN, Client
from tests.integration.web.reading import read
from tests.integration.web.visiting import PATHS, check_policy, seen, shown


async def test_without_the_token_every_page_is_the_login_and_no_action_is_done(sqlite_client: Client) -> None:
    for path in (*PATHS, "/invoices/acme/inv_1"):
        answer = await sqlite_client.ask("GET", f"{path}?x=1", token=None)
        assert answer.status == (200 if path == "/" else 401)
        check_policy(answer)
        page = read(answer.text)
        assert page.title.startswith("Log in")
        assert page.form("/login").fields == {"target": f"{path}?x=1", "token": ""}
        assert "acme" not in page.words
    acted = await sqlite_client.ask("POST", "/endpoints/ledger/disable", token=None)
    assert (acted.status, acted.headers["Location"]) == (303, "/")
    (ledger,) = [one for one in (await sqlite_client.get("/api/v1/endpoints"))["items"] if one["name"] == "ledger"]
    assert ledger["state"] == "active"


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("/events?type=a", "/events?type=a"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
    ],
)
async def test_a_login_leads_to_where_one_wanted_to_go_and_never_elsewhere(
    sqlite_client: Client, target: str, leads_to: str
) -> None:
    form = {"token": TOKEN, "target": target}
    right = await sqlite_client.ask("POST", "/login", token=None, data=form)
    assert (right.status, right.headers["Location"]) == (303, leads_to)
    wrong = await sqlite_client.ask("POST", "/login", token=None, data=form | {"token": "wrong"})
    assert wrong.status == 401
    assert "That is no token of this service." in read(wrong.text).words
    assert "wrong" not in [one.get("value") for one in read(wrong.text).all("input")]


async def test_a_link_from_elsewhere_leads_on_for_who_is_logged_in(sqlite_client: Client) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    answer = await sqlite_client.ask("GET", "/events?type=a", token=None, headers=followed)
    assert read(answer.text).links == {"Invoice Watcher": "/", "API": "/openapi.json"} | {
        "Go on, if you are logged in already": "/events?type=a",
        "Skip to the content": "/#main",
    }


async def test_logging_out_is_offered_only_where_there_is_a_login(sqlite_client: Client, open_client: Client) -> None:
    assert (await shown(sqlite_client, "/")).form("/logout").method == "post"
    answer = await open_client.ask("GET", "/", token=None)
    assert [one.action for one in read(answer.text).forms] == ["/timezone"]


async def test_an_action_sends_back_to_where_it_was_asked_and_says_what_it_did(client: Client) -> None:
    await seen(client, replace(OPEN, id="a/b"))
    endpoints = await shown(client, "/endpoints")
    assert {one.action for one in endpoints.forms if one.method == "post"} == {
        "/logout", "/timezone",
        "/endpoints/ledger/test", "/endpoints/ledger/disable",
        "/endpoints/crm/test", "/endpoints/crm/disable",
    }  # fmt: skip
    note = await acted(client, "/endpoints/ledger/disable", "/endpoints")
    assert note == "Endpoint ledger is disabled: its events wait until it is enabled."
    assert (await shown(client, "/endpoints")).form("/endpoints/ledger/enable").words.startswith("Enable")
    assert "is enabled" in await acted(client, "/endpoints/ledger/enable", "/endpoints")
    assert "polled now" in await acted(client, "/invoices/acme/a%2Fb/poll", "/invoices/acme/a%2Fb")
    tested = await acted(client, "/endpoints/ledger/test", "/endpoints")
    assert tested.startswith("Test of ledger: not delivered")
    (delivery,) = (await client.get("/api/v1/deliveries"))["items"]
    action = f"/deliveries/{delivery['delivery_id']}/redeliver"
    assert (await shown(client, "/deliveries")).form(action).words.startswith("Redeliver")
    assert "is made again" in await acted(client, action, "/deliveries?state=dead")
    assert await acted(client, "/endpoints/nobody/enable", "/endpoints") == "Not done: no endpoint nobody"


async def acted(client: Client, action: str, page: str) -> str:
    """What the page says of an action, as a browser without a script would see it: once."""
    answer = await client.ask("POST", action, headers={"Referer": client.url + page, "Origin": client.url})
    assert (answer.status, answer.headers["Location"]) == (303, page)
    (morsel,) = SimpleCookie(answer.headers["Set-Cookie"]).values()
    assert (morsel["httponly"], morsel["samesite"]) == (True, "Strict")
    target = await client.ask("GET", page, headers={"Cookie": f"{morsel.key}={morsel.coded_value}"})
    check_policy(target)
    cleared = target.headers["Set-Cookie"]
    assert cleared.startswith(f'{morsel.key}=""')
    notes = re.findall(r'<p class="note">(.*?)</p>', target.text)
    return " ".join(notes)


async def test_a_form_of_another_site_acts_on_nothing(sqlite_client: Client) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = await sqlite_client.ask("POST", "/endpoints/ledger/disable", headers=headers)
        assert refused.status == 403
    elsewhere = {"Referer": "https://evil.example/endpoints"}
    answer = await sqlite_client.ask("POST", "/endpoints/ledger/disable", headers=elsewhere)
    assert answer.headers["Location"] == "/endpoints"


async def test_a_note_from_nobody_is_text(sqlite_client: Client) -> None:
    page = await shown(sqlite_client, "/", Cookie="invoice_watcher_note=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert(1)</script>" in page.words


async def test_own_files_are_served_to_everybody_and_nothing_else_is(sqlite_client: Client) -> None:
    for name, kind in (("page.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        answer = await sqlite_client.ask("GET", f"/static/{name}", token=None)
        assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, kind)
    for name in ("nothing.css", "..%2frendering.py", "page.py"):
        assert (await sqlite_client.ask("GET", f"/static/{name}", token=None)).status == 404
