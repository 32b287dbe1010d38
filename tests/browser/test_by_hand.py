"""What people do by hand, in a real browser: adding watches, editing one, and choosing a time zone."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Site
from tests.browser.test_accessibility import RUN
from tests.browser.test_page import DESK, PHONE, opened

CSV = "source,invoice_id,tags,due_on,note\nacme,inv_new,vip,,=1+1\nacme,inv_000003,,,\nacme,..,,,\n"


@pytest.mark.parametrize("script", [True, False], ids=["with the script", "without it"])
async def test_a_csv_is_previewed_added_and_its_tags_are_edited(
    browser: Browser, site: Site, axe: str, *, script: bool
) -> None:
    async with opened(browser, DESK if script else PHONE, "dark", script=script) as page:
        await page.goto(f"{site.url}/watches")
        await page.get_by_role("link", name="Add watches").click()
        file = {"name": "march.csv", "mimeType": "text/csv", "buffer": CSV.encode()}
        await page.get_by_label("Or a file").set_input_files(file)  # pyright: ignore[reportArgumentType] -- playwright's FilePayload
        await page.get_by_role("button", name="Preview").nth(1).click()
        for title in ("Invalid: left out", "Will be added", "Watched already: stay as they are"):
            await expect(page.get_by_role("heading", name=title)).to_be_visible()
        if script:
            await page.evaluate(axe)
            assert (await page.evaluate(RUN, None))["violations"] == []
        await page.get_by_role("button", name="Add 1 watch").click()
        await expect(page.locator("#note")).to_contain_text("1 watch added")
        await page.goto(f"{site.url}/invoices/acme/inv_new")
        await page.get_by_text("Edit tags and note").click()
        await expect(page.get_by_label("Tags, one a line")).to_have_value("vip")
        await page.get_by_label("Tags, one a line").fill("vip\nlegal")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#note")).to_contain_text("are saved")
        await expect(page.get_by_role("link", name="legal")).to_be_visible()


async def test_the_zone_of_the_browser_is_one_press_away_and_kept(browser: Browser, site: Site) -> None:
    context = await browser.new_context(timezone_id="Asia/Tokyo")
    page = await context.new_page()
    await page.goto(f"{site.url}/events")
    await page.get_by_role("button", name="Show in Asia/Tokyo").click()
    await expect(page.get_by_text("times in Asia/Tokyo")).to_be_visible()
    await page.goto(site.url)
    await expect(page.get_by_text("times in Asia/Tokyo")).to_be_visible()
    await expect(page.get_by_role("button", name="Show in Asia/Tokyo")).to_have_count(0)
    await page.get_by_label("Show times in").fill("UTC")
    await page.get_by_role("button", name="Show", exact=True).last.click()
    await expect(page.get_by_text("times in UTC")).to_be_visible()
    await context.close()
