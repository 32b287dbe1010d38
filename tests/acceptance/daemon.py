"""The program as a user runs it: a folder of files, the daemon as a process on it, commands beside it."""

import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio
from anyio.abc import Process

from watcher.sandbox import DEMO_SECRET, Receiver, Sandbox

Body = dict[str, Any]
Table = dict[str, object]

PATIENCE = 40.0
"""Seconds: what takes a tenth of one may take far longer where all cores are busy."""
_GLANCE = 0.05
ALIVE_AFTER = "service.started"


class Impatient(AssertionError):
    """What was waited for did not come."""


async def until(claim: Callable[[], object], saying: str, *, within: float = PATIENCE) -> None:
    """Look again and again until the claim is true. Raises Impatient."""
    with anyio.move_on_after(within):
        while not claim():  # noqa: ASYNC110 -- another process is watched from outside
            await anyio.sleep(_GLANCE)
    if not claim():
        raise Impatient(f"not within {within:g} s: {saying}")


@dataclass
class Daemon:
    """A running `run`. `log` is the file its stderr goes to."""

    process: Process
    log: Path

    @property
    def logged(self) -> list[Body]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def has_logged(self, event: str, **facts: object) -> bool:
        return any(line["event"] == event and facts.items() <= line.items() for line in self.logged)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        with anyio.fail_after(PATIENCE):
            return await self.process.wait()

    async def kill(self) -> None:
        """As a crash does: nothing is finished."""
        self.process.kill()
        await self.ended()


@dataclass
class Site:
    """A folder with a configuration, a sandbox for its sources and a receiver for its endpoints.

    Change the tables at will, then `write`. Sources are named like their providers; polls come every 300 ms.
    """

    folder: Path
    sandbox: Sandbox
    receiver: Receiver
    watcher: Table = field(default_factory=lambda: {"due_soon": [], "reminders": [], "announce_tracked": True})
    polling: Table = field(default_factory=lambda: {"policy": "fixed", "every": "300ms", "confirm_deleted": "1s"})
    sources: dict[str, Table] = field(default_factory=dict[str, Table])
    endpoints: dict[str, Table] = field(default_factory=dict[str, Table])
    notify: dict[str, Table] = field(default_factory=dict[str, Table])
    lists: dict[str, str] = field(default_factory=dict[str, str])
    database: Table = field(default_factory=dict[str, object])
    http: Table = field(default_factory=lambda: {"listen": ""})
    hints: Table = field(default_factory=dict[str, object])
    retention: Table = field(default_factory=dict[str, object])

    @property
    def config(self) -> Path:
        return self.folder / "watcher.toml"

    def source(self, provider: str, *, name: str | None = None, **keys: object) -> None:
        """Configure the sandbox's account at a provider, or another account there by another `base_url`."""
        table: Table = {"provider": provider, "base_url": self.sandbox.base_urls[provider], "rate": "50/s"}
        for key, secret in self.sandbox.credentials[provider].items():
            table[key] = {"file": self.secret(f"{provider}_{key}", secret)}
        if provider == "fragment":
            table["token_url"] = self.sandbox.token_url
        self.sources[name or provider] = table | keys

    def endpoint(self, name: str = "ledger", **keys: object) -> None:
        """Configure an endpoint for all events whose path at the receiver is its name."""
        self.endpoints[name] = {
            "url": self.receiver.url(f"/{name}"),
            "secrets": [{"file": self.secret("webhook", DEMO_SECRET)}],
            "events": ["*"],
            "allow_private": ["127.0.0.0/8"],
            "retries": ["0s", "200ms", "1s", "1s", "1s"],
        } | keys

    def watch(self, source: str, *ids: str, **keys: object) -> None:
        """List invoices of a source in a file of their own; `keys` (tags, due_on) are those of each."""
        rows = "".join(f"\n[[invoice]]\n{_pairs({'id': one} | keys)}" for one in ids)
        name = f"{source}-{len(self.lists)}.toml"
        self.lists[name] = f"source = {_toml(source)}\n{rows}"

    def write(self) -> None:
        (self.folder / "watchlists").mkdir(exist_ok=True)
        for name, text in self.lists.items():
            _put(self.folder / "watchlists" / name, text)
        self.write_config(self.config, self.database)

    def write_config(self, path: Path, database: Table) -> None:
        """Write the configuration for one of several replicas, which differ in how they reach their database."""
        tables: dict[str, Table] = {
            "watcher": {"watchlists": ["watchlists/*.toml"]} | self.watcher,
            "polling": self.polling,
            "http": self.http,
            "hints": self.hints,
            "retention": self.retention,
            "log": {"format": "json"},
            "database": database,
        }
        tables |= {f"sources.{name}": table for name, table in self.sources.items()}
        tables |= {f"endpoints.{name}": table for name, table in self.endpoints.items()}
        tables |= {f"notify.{name}": table for name, table in self.notify.items()}
        _put(path, "\n".join(f"[{name}]\n{_pairs(table)}" for name, table in tables.items() if table))

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Daemon]:
        """Write the files and run the daemon on them; at the end it is asked to stop, and has to end well."""
        self.write()
        log = self.folder / f"run-{len(list(self.folder.glob('run-*.log')))}.log"
        with log.open("wb") as stderr:
            process = await anyio.open_process(
                self.argv("run"), stdin=None, stdout=stderr, stderr=stderr, env=environment()
            )
            daemon = Daemon(process, log)
            try:
                await until(
                    lambda: daemon.has_logged(ALIVE_AFTER) or process.returncode is not None, "the daemon starts"
                )
                assert process.returncode is None, log.read_text()
                yield daemon
                if process.returncode is None:
                    process.terminate()
                    assert await daemon.ended() == 0, log.read_text()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        assert "Traceback" not in log.read_text(), log.read_text()

    def argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "watcher", *arguments, "--config", str(self.config)]

    async def command(self, *arguments: str, code: int = 0) -> list[Body]:
        """Run a command with `--json` beside the daemon; what it printed, one document per line."""
        done = await anyio.run_process([*self.argv(*arguments), "--json"], check=False, env=environment())
        assert done.returncode == code, done.stderr.decode()
        text = done.stdout.decode()
        try:
            return [json.loads(text)] if text.strip() else []
        except json.JSONDecodeError:
            return [json.loads(line) for line in text.splitlines()]

    def bodies(self, invoice_id: str | None = None, *, endpoint: str = "ledger") -> list[Body]:
        """What a careful subscriber has: verified, each event once, in order of arrival."""
        arrived: Sequence[Body] = [
            json.loads(delivery.body) for delivery in self.receiver.verified if delivery.path == f"/{endpoint}"
        ]
        return [body for body in arrived if invoice_id in {None, body["data"].get("invoice_id")}]

    def recorded(self, invoice_id: str | None = None, *, endpoint: str = "ledger") -> list[str]:
        """The types of those bodies, without their `invoice.`."""
        return [body["type"].removeprefix("invoice.") for body in self.bodies(invoice_id, endpoint=endpoint)]

    async def hears(self, invoice_id: str | None, *types: str, endpoint: str = "ledger") -> list[Body]:
        """Wait until as many events have come as are named; they have to be those, in that order."""
        with suppress(Impatient):
            await until(lambda: len(self.recorded(invoice_id, endpoint=endpoint)) >= len(types), "events come")
        recorded = self.recorded(invoice_id, endpoint=endpoint)
        assert recorded == list(types), f"{invoice_id} told {recorded}"
        return self.bodies(invoice_id, endpoint=endpoint)

    def asked(self, fragment: str = "", *, provider: str | None = None) -> list[float]:
        """When the sandbox was asked for paths that hold the fragment, in seconds of the monotonic clock."""
        return [
            request.arrived_at
            for request in self.sandbox.requests
            if fragment in request.path and provider in {None, request.provider}
        ]

    async def polls_again(self, fragment: str, times: int = 2) -> None:
        """Wait until the sandbox has been asked that many times from now on: whatever was to be seen has been."""
        before = len(self.asked(fragment))
        await until(lambda: len(self.asked(fragment)) >= before + times, f"{fragment} is looked at again")

    def secret(self, name: str, secret: str) -> str:
        file = self.folder / "secrets" / name
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.touch(mode=0o600)
        if file.read_text() != secret:  # a daemon may be reading it
            file.write_text(secret)
        return f"secrets/{name}"


def environment() -> Mapping[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "NO_COLOR": "1"}


def _put(path: Path, text: str) -> None:
    """Replace a file at once: a daemon may be reading it."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text)
    new.replace(path)


def _pairs(table: Mapping[str, object]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())


def _toml(value: object) -> str:
    match value:
        case Mapping():
            table = cast("Mapping[str, object]", value)
            return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in table.items()) + " }"
        case list():
            return "[" + ", ".join(_toml(one) for one in cast("list[object]", value)) + "]"
        case str() | bool():
            return json.dumps(value)
        case _:
            return str(value)
