"""axe-core finds nothing on any page, light and dark, on a desk and on a phone."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal, cast

import pytest
from playwright.async_api import Browser, Page

from tests.browser.conftest import Site
from tests.browser.digest import digest_html
from tests.browser.paths import MISSING, PATHS, WITHOUT_INVOICES

pytestmark = pytest.mark.timeout(180)
DESK, PHONE = (1280, 900), (390, 844)
SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
OF_COLORS = ["color-contrast", "link-in-text-block"]
"""The rules that a scheme can break: it changes colours alone. Checking all again would take half as long again."""
WITHOUT_LANDMARKS = ["wcag2a", "wcag2aa", "wcag21aa"]
"""What is not about pages with navigation."""
RUN = """async (rules) => {
  const found = await axe.run(document, { resultTypes: ["violations"], ...(rules && { runOnly: rules }) });
  return {
    ink: getComputedStyle(document.body).color,
    violations: found.violations.flatMap((one) =>
      one.nodes.map((node) => `${one.id}: ${node.html}: ${node.failureSummary}`)),
  };
}"""


async def violations(page: Page, url: str) -> list[str]:
    """What is wrong with the page at this address, in both schemes."""
    await page.goto(url)
    found: list[str] = []
    inks: set[str] = set()
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        result = cast("dict[str, object]", await page.evaluate(RUN, None if scheme == SCHEMES[0] else OF_COLORS))
        inks.add(cast("str", result["ink"]))
        found += [f"{url} {scheme}: {one}" for one in cast("list[str]", result["violations"])]
    assert len(inks) == len(SCHEMES), f"{url} has one scheme alone"
    return found


@asynccontextmanager
async def opened(browser: Browser, axe: str, size: tuple[int, int]) -> AsyncGenerator[Page]:
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]})
    await context.add_init_script(axe)
    try:
        yield await context.new_page()
    finally:
        await context.close()


@SIZES
async def test_pages_with_invoices_keep_every_rule(
    browser: Browser, small_site: Site, axe: str, size: tuple[int, int]
) -> None:
    async with opened(browser, axe, size) as page:
        for path in (*PATHS, MISSING):
            assert await violations(page, small_site.url + path) == []


@SIZES
async def test_pages_of_a_new_installation_keep_every_rule(
    browser: Browser, empty_site: Site, axe: str, size: tuple[int, int]
) -> None:
    async with opened(browser, axe, size) as page:
        for path in WITHOUT_INVOICES:
            assert await violations(page, empty_site.url + path) == []


@SIZES
async def test_the_login_keeps_every_rule(browser: Browser, locked_site: Site, axe: str, size: tuple[int, int]) -> None:
    async with opened(browser, axe, size) as page:
        assert await violations(page, locked_site.url) == []


async def test_a_digest_by_mail_can_be_read_by_everybody(browser: Browser, axe: str) -> None:
    async with opened(browser, axe, PHONE) as page:
        await page.goto("about:blank")
        await page.set_content(digest_html())
        assert await page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
        # In the other scheme all colours are those of the mail program; axe takes its ground for white.
        assert (await page.evaluate(RUN, WITHOUT_LANDMARKS))["violations"] == []


async def test_a_violation_is_found(browser: Browser, empty_site: Site, axe: str) -> None:
    async with opened(browser, axe, DESK) as page:
        await page.goto(f"{empty_site.url}/watches")
        await page.evaluate("document.querySelector('label').replaceWith(document.querySelector('select'))")
        result = cast("dict[str, list[str]]", await page.evaluate(RUN, None))
        assert [one.split(":")[0] for one in result["violations"]] == ["select-name"]
