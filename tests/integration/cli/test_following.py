"""`events --follow` while another process records, and get and check against a provider that answers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from tests.fakes import stored
from tests.integration.cli.terminal import Terminal
from watcher.store import open_store


@contextmanager
def following(folder: Path, *options: str) -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen(  # noqa: S603 -- our own program
        [sys.executable, "-m", "watcher", "events", "--follow", "--json", *options],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def record_events(folder: Path, *names: str) -> None:
    async with open_store(f"sqlite:///{folder / 'config' / 'watcher.db'}", create=True) as store:
        await stored.record_events(store, "inv_1", *(stored.event(name) for name in names))


def next_id(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())["data"]["event_id"]


async def test_follow_prints_what_is_there_and_then_what_comes(folder: Path) -> None:
    await record_events(folder, "evt_1")
    with following(folder) as process:
        before = next_id(process)
        await record_events(folder, "evt_2")
        later = next_id(process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)

    assert (before, later) == ("evt_1", "evt_2")
    assert (process.returncode, err) == (130, "")


async def test_follow_ends_by_itself_at_its_limit(folder: Path) -> None:
    await record_events(folder, "evt_1", "evt_2", "evt_3")
    with following(folder, "--limit", "2") as process:
        out, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (0, "")
    assert [json.loads(line)["data"]["event_id"] for line in out.splitlines()] == ["evt_1", "evt_2"]


def test_get_from_a_provider_that_is_not_there_fails_in_words_and_records_nothing(terminal: Terminal) -> None:
    ran = terminal.type("get acme inv_1 --json")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: ")
    assert list(terminal.folder.rglob("*.db")) == []


def test_an_account_that_does_not_answer_is_reported_and_exits_1(terminal: Terminal) -> None:
    ran = terminal.type("check --online --json")

    [source] = cast("list[dict[str, object]]", ran.document["sources"])
    assert ran.code == 1
    assert (source["name"], source["ok"]) == ("acme", False)
