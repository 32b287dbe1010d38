"""The page in a real browser: with and without its script, wide and narrow, light and dark."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from tests.browser.conftest import LONG, Site
from tests.browser.paths import PATHS
from tests.fakes import stored
from tests.integration.web.client import TOKEN
from watcher.core import json_text
from watcher.core.instants import instant_text
from watcher.core.invoices.snapshot import to_document
from watcher.ports import DesiredWatch, Form
from watcher.store import SqlPollQueue, SqlWatches

DESK, PHONE = (1280, 900), (390, 844)
CUT = """() => [...document.querySelectorAll(".scroll")]
  .filter((one) => one.scrollWidth > one.clientWidth)
  .map((one) => one.getAttribute("aria-label"))"""
NAMELESS = """() => [...document.querySelectorAll(".stack td:not([aria-hidden] td)")]
  .filter((one) => one.getClientRects().length && !one.dataset.label)
  .map((one) => one.outerHTML)"""


@asynccontextmanager
async def opened(
    browser: Browser,
    size: tuple[int, int] = DESK,
    scheme: Literal["light", "dark"] = "light",
    *,
    script: bool = True,
) -> AsyncGenerator[Page]:
    """A new visitor's page. Whatever the browser complains of (the policy, an error of the script) is a failure."""
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, java_script_enabled=script
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if _is_complaint(message) else None)
    try:
        yield page
    finally:
        await context.close()
    assert complaints == []


def _is_complaint(message: ConsoleMessage) -> bool:
    """A refused login is an answer like any other, which the browser reports as a failure."""
    return message.type == "error" and "status of 401" not in message.text


async def test_no_page_is_wider_than_its_screen_and_no_table_runs_off_a_phone(browser: Browser, site: Site) -> None:
    async with opened(browser, script=False) as page:
        for path in PATHS:
            await page.goto(site.url + path)
            await expect(page.locator("h1")).to_be_visible()
            for width in (1280, 390, 360):
                await page.set_viewport_size({"width": width, "height": 800})
                assert await page.evaluate("document.documentElement.scrollWidth") == width, f"{path} scrolls sideways"
                assert await page.evaluate(CUT) == [], f"{path} at {width}"


async def test_on_a_phone_each_value_of_a_stacked_row_has_its_name(browser: Browser, site: Site) -> None:
    async with opened(browser, PHONE, script=False) as page:
        for path in PATHS:
            await page.goto(site.url + path)
            assert await page.evaluate(NAMELESS) == [], path


@pytest.mark.parametrize("width", [360, 390])
async def test_no_table_of_the_overview_runs_off_a_phone_however_long_the_names(
    browser: Browser, wide_site: Site, width: int
) -> None:
    async with opened(browser, (width, 800)) as page:
        await page.goto(wide_site.url)
        await expect(page.get_by_text(LONG).first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        regions = page.locator("section:is([aria-labelledby^=sources], #delays, [aria-labelledby^=endpoints]) .scroll")
        cut = await regions.evaluate_all("all => all.map(one => one.scrollWidth - one.clientWidth)")
        assert cut == [0, 0, 0]


async def test_the_keyboard_finds_the_content_first_and_shows_where_it_is(browser: Browser, site: Site) -> None:
    async with opened(browser) as page:
        await page.goto(site.url)
        await page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        await expect(skip).to_be_focused()
        assert await skip.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.closest('main') !== null")


async def test_an_invoice_is_found_and_its_timeline_read(browser: Browser, site: Site) -> None:
    async with opened(browser) as page:
        await page.goto(site.url)
        await page.get_by_role("link", name="Invoices", exact=True).click()
        await page.get_by_label("Id or number").fill("000007")
        await page.locator("#main").get_by_role("button", name="Show").click()
        await page.get_by_role("row").nth(1).get_by_role("link").first.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("2026-000007")
        timeline = page.get_by_role("region", name="Timeline")
        await expect(timeline.get_by_role("heading", name="Snapshot 1: the first")).to_be_visible()
        await expect(timeline.get_by_role("heading", name="invoice.tracked")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["with the script", "without it"])
async def test_an_endpoint_is_disabled_and_enabled_again(browser: Browser, site: Site, *, script: bool) -> None:
    async with opened(browser, script=script) as page:
        await page.goto(f"{site.url}/endpoints")
        await page.get_by_role("button", name="Disable ledger").click()
        await expect(page.locator("#note")).to_contain_text("Endpoint ledger is disabled")
        await page.get_by_role("button", name="Enable ledger").click()
        await expect(page.locator("#note")).to_contain_text("Endpoint ledger is enabled")
        await expect(page.get_by_role("button", name="Disable ledger")).to_be_visible()


async def test_a_token_lets_in_and_logging_out_shuts_again(browser: Browser, locked_site: Site) -> None:
    async with opened(browser, PHONE, script=False) as page:
        await page.goto(f"{locked_site.url}/watches?state=active")
        await page.get_by_label("Token").fill("wrong")
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("alert")).to_have_text("That is no token of this service.")
        await page.get_by_label("Token").fill(TOKEN)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("link", name="inv_listed", exact=True)).to_be_visible()
        cookies = await page.context.cookies()
        assert [(cookie.get("httpOnly"), cookie.get("sameSite")) for cookie in cookies] == [(True, "Strict")]
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_label("Token")).to_be_visible()


async def test_an_event_appears_by_itself_while_a_form_is_being_filled_in(browser: Browser, site: Site) -> None:
    async with opened(browser) as page:
        await page.goto(f"{site.url}/events")
        await expect(page.locator("html")).to_have_attribute("data-live", "yes")
        tag = page.get_by_label("Tag")
        await tag.fill("half a wo")
        await record_events(site, "inv_new")
        await expect(page.get_by_role("link", name="2026-new")).to_be_visible()
        await expect(tag).to_be_focused()
        await expect(tag).to_have_value("half a wo")


async def record_events(site: Site, invoice_id: str) -> None:
    """Let a poll find a new invoice."""
    store, now = site.service.store, datetime.now(UTC)
    await SqlWatches(store).add(DesiredWatch("acme", invoice_id), "cli", now)
    (claimed,) = [one for one in await stored.claim(store, datetime.now(UTC)) if one.invoice_id == invoice_id]
    snapshot = replace(stored.OPEN, id=invoice_id, number="2026-new")
    data = {
        "event_id": "evt_new",
        "sequence": 1,
        "source": "acme",
        "invoice_id": invoice_id,
        "invoice": to_document(snapshot),
    }
    body = json_text.write({"type": "invoice.tracked", "timestamp": instant_text(now), "data": data})
    made = replace(stored.event("evt_new", "invoice.tracked"), bodies={Form.FULL: body})
    await SqlPollQueue(store).record([stored.polled(claimed, now, stored.change(made, snapshot=snapshot))], {})
    site.service.notify_events()
