"""Where the demo plays: a configuration in a temporary folder, and the real service run on it."""

import json
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from subprocess import DEVNULL

import anyio
from anyio.abc import Process

from watcher.cli.demo.lives import CONFIRM_DELETED, DUE_SOON, REMINDER, Life
from watcher.core.instants import period_text
from watcher.sandbox import DEMO_SECRET, Receiver, Sandbox

ENDPOINT = "receiver"
_STOP_SECONDS = 10
_LOG_LINES = 15


def write_configuration(folder: Path, sandbox: Sandbox, receiver: Receiver, lives: Sequence[Life], today: date) -> Path:
    """Everything `run` needs, as an operator would write it; returns the path of watcher.toml."""
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    for provider, keys in sandbox.credentials.items():
        for key, value in keys.items():
            _write_secret(secrets / f"{provider}-{key}", value)
    _write_secret(secrets / ENDPOINT, DEMO_SECRET)
    lists = folder / "watchlists"
    lists.mkdir()
    (lists / "demo.csv").write_text("\n".join(_watch_list(lives, today)) + "\n", "utf-8")
    path = folder / "watcher.toml"
    path.write_text("\n".join(_toml(sandbox, receiver)) + "\n", "utf-8")
    return path


def _write_secret(path: Path, value: str) -> None:
    path.touch(mode=0o600)
    path.write_text(value, "utf-8")


def _watch_list(lives: Sequence[Life], today: date) -> Iterator[str]:
    yield "source,invoice_id,tags,due_on,note"
    for life in lives:
        due_on = (today - timedelta(days=2)).isoformat() if life.overdue_listed else ""
        yield f"{life.provider},{life.id},demo,{due_on},"


def _toml(sandbox: Sandbox, receiver: Receiver) -> Iterator[str]:
    yield from (
        "[database]",
        'url = "sqlite:///demo.db"',
        "[watcher]",
        'watchlists = ["watchlists/*.csv"]',
        f'due_soon = ["{period_text(DUE_SOON)}"]',
        f'reminders = ["{period_text(REMINDER)}"]',
        'clock_wait = "2s"',
        "announce_tracked = true",
        "[polling]",
        'policy = "fixed"',
        'every = "1s"',
        'fastest = "1s"',
        'slowest = "1s"',
        f'confirm_deleted = "{period_text(CONFIRM_DELETED)}"',
        "[http]",
        'listen = ""',
        "[log]",
        'format = "json"',
    )
    for provider, keys in sandbox.credentials.items():
        yield f"[sources.{provider}]"
        yield f'provider = "{provider}"'
        yield f"base_url = {json.dumps(sandbox.base_urls[provider])}"
        if provider == "fragment":
            yield f"token_url = {json.dumps(sandbox.token_url)}"
        yield from (f'{key} = {{ file = "secrets/{provider}-{key}" }}' for key in keys)
        yield 'rate = "20/s"'
    yield from (
        f"[endpoints.{ENDPOINT}]",
        f"url = {json.dumps(receiver.url('/hooks'))}",
        f'secrets = [{{ file = "secrets/{ENDPOINT}" }}]',
        'events = ["*"]',
        'retries = ["0s", "1s", "2s", "4s"]',
        'allow_private = ["127.0.0.0/8"]',
    )


@asynccontextmanager
async def service(configuration: Path, log: Path) -> AsyncGenerator[Process]:
    """`invoice-watcher run` as a process of its own; asked to stop at the end, and made to if it does not."""
    arguments = [sys.executable, "-m", "watcher", "run", "--config", str(configuration)]
    with log.open("wb") as output:
        # A session of its own: Ctrl-C is for the demo, which then stops the service in order.
        process = await anyio.open_process(
            arguments, stdin=DEVNULL, stdout=DEVNULL, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            await stop(process)
            await process.aclose()


async def stop(process: Process) -> int:
    """SIGTERM, then the exit code; SIGKILL where that takes too long."""
    if process.returncode is None:
        process.terminate()
    with anyio.move_on_after(_STOP_SECONDS, shield=True):
        return await process.wait()
    process.kill()
    return await process.wait()


def last_lines(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:])
