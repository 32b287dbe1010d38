"""The time zone of the page: the configured one, another that a reader chooses, and what never shifts."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, date, datetime
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from tests.fakes.stored import OPEN
from tests.integration.web.client import Client
from tests.integration.web.conftest import CONFIG, served
from tests.integration.web.visiting import seen, shown
from watcher.core.instants import instant_text
from watcher.store import Store

DUE_AT = datetime(2026, 12, 1, 23, 30, tzinfo=UTC)
OF_BERLIN = CONFIG.replace("[http]\n", '[http]\ntimezone = "Europe/Berlin"\n')


@pytest.fixture
async def in_berlin(sqlite_store: Store, tmp_path: Path) -> AsyncGenerator[Client]:
    async with served(tmp_path, sqlite_store, token=True, config=OF_BERLIN) as client:
        await seen(client, replace(OPEN, id="inv_1", due_on=date(2026, 12, 1), due_at=DUE_AT))
        yield client


async def chosen(client: Client, zone: str, *, status: int = 303) -> str:
    """The cookie after the form at the foot of a page."""
    headers = {"Referer": f"{client.url}/invoices/acme/inv_1", "Origin": client.url}
    answer = await client.ask("POST", "/timezone", headers=headers, data={"timezone": zone})
    assert answer.status == status, answer.text
    if status != 303:
        return answer.text
    assert answer.headers["Location"] == "/invoices/acme/inv_1"
    (morsel,) = SimpleCookie(answer.headers["Set-Cookie"]).values()
    assert morsel["httponly"]
    return f"{morsel.key}={morsel.coded_value}"


async def times(client: Client, cookie: str = "") -> tuple[str, dict[str, str]]:
    """The words of a page, and the titles of its instants."""
    page = await shown(client, "/invoices/acme/inv_1", Cookie=cookie)
    return page.words, {one["datetime"]: one["title"] for one in page.all("time")}


async def test_instants_are_shown_in_the_configured_zone_and_due_dates_do_not_shift(in_berlin: Client) -> None:
    words, titles = await times(in_berlin)
    assert titles[instant_text(DUE_AT)] == "2026-12-02 00:30:00 CET"
    assert "2026-12-01" in words
    assert "times in Europe/Berlin, " in words
    assert all(exact.endswith("Z") for exact in titles)
    assert (await in_berlin.get("/api/v1/invoices/acme/inv_1"))["invoice"]["due_at"] == instant_text(DUE_AT)


async def test_a_reader_chooses_another_zone(in_berlin: Client) -> None:
    for given, name, local in (
        ("america/new york", "America/New_York", "2026-12-01 18:30:00 EST"),
        ("kolkata", "Asia/Kolkata", "2026-12-02 05:00:00 IST"),
        ("America/Sao_Paulo", "America/Sao_Paulo", "2026-12-01 20:30:00 UTC-03:00"),
        ("UTC", "UTC", "2026-12-01 23:30:00 UTC"),
    ):
        words, titles = await times(in_berlin, await chosen(in_berlin, given))
        assert f"times in {name}, " in words
        assert titles[instant_text(DUE_AT)] == local


async def test_what_is_no_zone_is_refused_in_words_and_a_strange_cookie_is_ignored(in_berlin: Client) -> None:
    assert "Did you mean Europe/Berlin" in await chosen(in_berlin, "Berlim", status=400)
    for strange in ("../../etc/passwd", "<script>", ""):
        text = await chosen(in_berlin, strange, status=400)
        assert "This is no time zone" in text
        assert "<script>:" not in text
        words, _ = await times(in_berlin, f"invoice_watcher_timezone={strange or 'x'}")
        assert "times in Europe/Berlin, " in words


async def test_the_zone_is_reloaded_with_the_configuration(in_berlin: Client) -> None:
    path = in_berlin.service.configuration.path
    path.write_text(path.read_text().replace("Europe/Berlin", "Asia/Tokyo"))
    await in_berlin.service.reload(forced=True)
    assert "times in Asia/Tokyo, " in (await times(in_berlin))[0]
