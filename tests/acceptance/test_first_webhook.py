"""docs/first-webhook.md, typed in line by line in a clean folder; the sandbox answers in place of the providers."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from tests.acceptance.daemon import until
from tests.integration.repository import ROOT
from tests.integration.repository.documents import section
from watcher.sandbox import Sandbox
from watcher.sandbox.server import free_port

PAGE = ROOT / "docs" / "first-webhook.md"
READY = {"listen": "Ctrl-C ends it", "run": "service.started"}
"""What goes on until it is stopped, and what it says when it has begun."""
OF_THE_CLONE = ("make ", ". .venv/")
"""Commands that are there already when tests run."""

pytestmark = pytest.mark.timeout(180)


@dataclass
class Typist:
    """Somebody who follows the page. What goes on until it is stopped has a terminal of its own."""

    folder: Path
    base_urls: Mapping[str, str]
    ports: Mapping[str, str] = field(default_factory=lambda: {port: str(free_port()) for port in ("8400", "8480")})
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict[str, "subprocess.Popen[bytes]"])
    printed: str = ""

    async def follow(self, heading: str, *, secret: str = "", pay: Callable[[], None] = lambda: None) -> None:
        """Do what a section says. `pay` is what its reader does at the provider once the invoice is tracked."""
        for language, block in section(PAGE, heading):
            if language == "toml":
                self._configure(block)
            for line in block.splitlines() if language == "sh" else ():
                if polled := re.search(r"watch poll (\w+)", line):
                    tracked = f'"type":"invoice.tracked","source":"{polled[1]}"'
                    await until(lambda tracked=tracked: tracked in self._output("run").read_text(), tracked)
                    pay()
                await self._type(line, pasted=secret)

    async def shows(self, webhook: str) -> None:
        """Wait until `listen` says that it has verified this: type, source and invoice."""
        said = re.compile(rf"  {re.escape(webhook)}  verified, answered 204$", re.MULTILINE)
        await until(lambda: said.search(self._output("listen").read_text()), webhook)

    async def _type(self, line: str, *, pasted: str) -> None:
        words = line.partition("#")[0].split()
        if line.startswith(OF_THE_CLONE):
            return
        if words[0] == "invoice-watcher" and words[1] in READY:
            await self._leave_running(words)
            return
        keyboard = self.folder / "keyboard.txt"
        keyboard.write_text(f"{pasted}\n")
        with keyboard.open("rb") as keys:
            done = await anyio.run_process(["bash", "-ec", line], stdin=keys, cwd=self.folder, env=self._environment)
        self.printed += done.stdout.decode()
        if words[1] == "init":
            self._configure("")

    async def _leave_running(self, words: Sequence[str]) -> None:
        name = words[1]
        if name in self.running:
            return
        arguments = [*words, "--port", self.ports["8400"]] if name == "listen" else words
        with self._output(name).open("wb") as output:
            self.running[name] = subprocess.Popen(  # noqa: ASYNC220, S603 -- what the page says
                arguments, cwd=self.folder, env=self._environment, stdout=output, stderr=output
            )
        await until(lambda: READY[name] in self._output(name).read_text(), f"{name} is ready")

    def _configure(self, block: str) -> None:
        """Put a block at the end of the configuration, with ports that are free and the provider in the sandbox."""
        path = self.folder / "mine" / "watcher.toml"
        text = f"{path.read_text()}\n{block}"
        for port, free in self.ports.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free}")
        if source := re.search(r"^\[sources\.(\w+)\]", block):
            text += f'base_url = "{self.base_urls[source[1]]}"\n'
        path.write_text(text)

    def _output(self, name: str) -> Path:
        return self.folder / f"{name}.txt"

    @property
    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return {"PATH": path, "INVOICE_WATCHER_CONFIG": "mine/watcher.toml"}


@contextmanager
def typing(folder: Path, sandbox: Sandbox) -> Generator[Typist]:
    typist = Typist(folder, sandbox.base_urls)
    try:
        yield typist
    finally:
        for process in typist.running.values():
            process.kill()
            process.wait()


async def test_the_page_leads_to_a_verified_webhook_from_each_provider(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        keys = {provider: sandbox.credentials[provider]["api_key"] for provider in ("stripe", "meteroid")}
        stripe = sandbox.ledger.create("stripe", "in_1QwErTy", "EUR", 107_998)
        meteroid = sandbox.ledger.create("meteroid", "inv_6VgwWZ7tmMmjUVKrAkRzuD", "EUR", 24_900)
        with typing(tmp_path, sandbox) as typist:
            await typist.follow("2. Your receiver")
            await typist.shows("invoice.paid example inv_example")
            await typist.follow("3. Your Stripe account", secret=keys["stripe"], pay=lambda: sandbox.ledger.pay(stripe))
            await typist.shows(f"invoice.paid stripe {stripe.id}")
            await typist.follow(
                "4. Or your Meteroid account", secret=keys["meteroid"], pay=lambda: sandbox.ledger.pay(meteroid)
            )
            await typist.shows(f"invoice.paid meteroid {meteroid.id}")
            assert "delivered, it answered 204" in typist.printed
            assert "mine/watcher.toml is right: 2 sources, 1 endpoint" in typist.printed
