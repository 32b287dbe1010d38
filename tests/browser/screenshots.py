"""Renders the page of the running program, and a digest, into docs/images: `make screenshots`.

The demo's sandbox is played against the real service, in a database that has a history of three weeks before that. The
pictures are of what the service then serves to a real Chromium.
"""

import base64
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

import anyio
from playwright.async_api import Browser, Page

from tests.browser.conftest import CHROMIUM, launched
from tests.browser.digest import digest_html
from tests.fakes.many import fill
from watcher.cli.commands.demo.stage import last_lines, service, write_files
from watcher.sandbox import Receiver, Sandbox
from watcher.sandbox.demo import CONFIG_FILE, demo_files
from watcher.sandbox.lives import play, prepare
from watcher.sandbox.server import free_port
from watcher.store import open_store

IMAGES = Path(__file__).parents[2] / "docs" / "images"
MOST_BYTES = 1_500_000
"""Of all pictures together: whoever clones the repository gets them."""
INVOICES = 240
SOURCES = ("chargeover", "meteroid", "rapyd")
_STARTS_WITHIN = 60
_SETTLES_SECONDS = 12
"""After its last step, the service detects it, and sends it."""
_PLAYED = 'policy = "fixed"\nevery = "1s"\n'
_SHOWN = 'policy = "fixed"\nevery = "15m"\n'
_QUALITY, _SCALE = 80, 1.5


@dataclass(frozen=True, slots=True)
class Picture:
    name: str
    path: str
    size: tuple[int, int]
    scheme: Literal["light", "dark"]


DESK, PHONE = (1200, 860), (390, 960)
PICTURES = (
    Picture("overview", "/", DESK, "light"),
    Picture("overview-dark", "/", DESK, "dark"),
    Picture("overview-phone", "/", PHONE, "dark"),
    Picture("invoice", "/invoices/meteroid/inv_demoChargeback1", (1200, 1000), "light"),
    Picture("aging", "/aging", (1200, 560), "light"),
)
DIGEST = "digest"


@asynccontextmanager
async def running(folder: Path, address: str) -> AsyncGenerator[None]:
    """The service by its configuration in this folder, once it answers."""
    log = folder / "service.log"
    async with service(folder / CONFIG_FILE, log) as process:
        try:
            with anyio.fail_after(_STARTS_WITHIN):
                while process.returncode is None and not await _answers(address):  # noqa: ASYNC110 -- another process
                    await anyio.sleep(0.2)
            if process.returncode is not None:
                sys.exit(f"the service ended with exit code {process.returncode}:\n{last_lines(log)}")
            yield
        except TimeoutError:
            sys.exit(f"the service does not answer:\n{last_lines(log)}")


async def _answers(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        stream = await anyio.connect_tcp(host, int(port))
    except OSError:
        return False
    await stream.aclose()
    return True


@asynccontextmanager
async def shown(folder: Path) -> AsyncGenerator[str]:
    """The URL of the page after the demo's invoices have lived their lives."""
    address = f"127.0.0.1:{free_port()}"
    async with Sandbox() as sandbox, Receiver() as receiver:
        prepare(sandbox)
        files = demo_files(sandbox, receiver.url("/hooks"), listen=address)
        write_files(folder, files)
        async with open_store(f"sqlite:///{folder}/invoice-watcher.db", create=True) as store:
            endpoints = {"receiver": receiver.url("/hooks")}
            await fill(store, INVOICES, datetime.now(UTC), sources=SOURCES, endpoints=endpoints)
        async with running(folder, address):
            await play(sandbox, lambda wait, _words: anyio.sleep(wait.total_seconds()))
            await anyio.sleep(_SETTLES_SECONDS)
        # Nobody polls every second: what the page says of delays is to be what a reader will see.
        write_files(folder, {CONFIG_FILE: files[CONFIG_FILE].replace(_PLAYED, _SHOWN)})
        async with running(folder, address):
            yield f"http://{address}"


async def take(page: Page, file: Path) -> None:
    """WebP, which Playwright cannot write itself."""
    session = await page.context.new_cdp_session(page)
    size = page.viewport_size
    assert size is not None
    left, top = await page.evaluate("[scrollX, scrollY]")
    clip = {"x": left, "y": top, "width": size["width"], "height": size["height"], "scale": _SCALE}
    asked = {"format": "webp", "quality": _QUALITY, "clip": clip}
    answer = cast("dict[str, str]", await session.send("Page.captureScreenshot", asked))  # pyright: ignore[reportUnknownMemberType] -- Playwright leaves the dictionary open
    await anyio.Path(file).write_bytes(base64.b64decode(answer["data"]))


async def picture(browser: Browser, url: str, one: Picture) -> None:
    context = await browser.new_context(viewport={"width": one.size[0], "height": one.size[1]}, color_scheme=one.scheme)
    page = await context.new_page()
    await page.goto(url + one.path)
    await take(page, IMAGES / f"{one.name}.webp")
    await context.close()


async def digest(browser: Browser, file: Path) -> None:
    page = await browser.new_page(viewport={"width": 720, "height": 640})
    await page.set_content(digest_html())
    height = cast("int", await page.evaluate("document.documentElement.scrollHeight"))
    await page.set_viewport_size({"width": 720, "height": height})
    await take(page, file)
    await page.close()


async def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="invoice-watcher-pictures-") as name:
        async with shown(Path(name)) as url, launched(CHROMIUM) as browser:
            for one in PICTURES:
                await picture(browser, url, one)
            await digest(browser, IMAGES / f"{DIGEST}.webp")
    sizes = {file.name: file.stat().st_size for file in sorted(IMAGES.glob("*.webp"))}
    for file, size in sizes.items():
        print(f"{file:24} {size / 1000:6.0f} kB")
    if sum(sizes.values()) > MOST_BYTES:
        sys.exit(f"together {sum(sizes.values())} bytes: more than {MOST_BYTES}")


if __name__ == "__main__":
    anyio.run(main)
