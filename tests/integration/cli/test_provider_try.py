"""`provider try`, against a provider on loopback."""

import asyncio
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from tests.fakes.adapter_files import FOLDER
from tests.fakes.provider_server import ProviderServer, provider_server
from tests.integration.cli.terminal import Terminal
from tests.integration.repository.documents import blocks

BILL = {
    "id": "b_1",
    "state": "sent",
    "currency": "EUR",
    "total_cents": 10_000,
    "customer": {"id": "c_7", "name": "Ada"},
    "pay_url": "https://pay.example/x",
    "note": "the key is key-1",
}


@contextmanager
def serving(*answers: tuple[int, object]) -> Generator[ProviderServer]:
    """A provider in a thread of its own: commands run their own event loop."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()
    servers: list[ProviderServer] = []

    async def serve() -> None:
        async with provider_server() as server:
            for status, body in answers:
                server.answer(body, status=status)
            servers.append(server)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield servers[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def test_try_prints_the_request_the_answer_and_the_snapshot_and_no_secret(
    terminal: Terminal, tally: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLY_API_KEY", "key-1")
    with serving((200, {"bill": BILL})) as server:
        url = f"{server.url}/v2"
        ran = terminal.run("provider", "try", tally, "b_1", "--base-url", url, "--option", "team=north")
        told = terminal.run("provider", "try", tally, "b_1", "--base-url", url, "--json").document
    assert ran.code == 0, ran.err
    assert f"request   GET {url}/bills/b_1\n" in ran.out
    assert "Authorization: ***" in ran.out
    assert "answer    HTTP 200" in ran.out
    assert '"status": "open"' in ran.out.partition("snapshot")[2]
    assert "key-1" not in ran.out + ran.err
    assert "pay.example" not in ran.out
    assert server.asked[0].headers["Tally-Team"] == "north"
    snapshot = told["snapshot"]
    assert isinstance(snapshot, dict)
    assert snapshot["provider_status"] == "sent"
    assert "payment_failed_inferred" not in snapshot


def test_try_leaves_words_whole_where_a_secret_is_short(
    terminal: Terminal, tally: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLY_API_KEY", "s")
    with serving((200, {"bill": BILL})) as server:
        ran = terminal.run("provider", "try", tally, "b_1", "--base-url", f"{server.url}/v2")
    assert '"state":"sent"' in ran.out


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, {"error": {"code": "no_such_bill"}}), "no snapshot: there is no such invoice: HTTP 404 no_such_bill"),
        ((401, {"error": {"code": "bad_key"}}), "no snapshot: HTTP 401 bad_key"),
        ((200, {"bill": {"id": "b_1", "state": "sent"}}), "no snapshot: currency: a word is expected, not null"),
        ((200, {"bill": {"id": "b_2"}}), "no snapshot: the answer is about invoice b_2, not about invoice b_1"),
    ],
)
def test_try_says_why_there_is_no_snapshot(
    terminal: Terminal, tally: Path, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, object], words: str
) -> None:
    monkeypatch.setenv("TALLY_API_KEY", "key-1")
    with serving(answer) as server:
        ran = terminal.run("provider", "try", tally, "b_1", "--base-url", server.url)
    assert ran.code == 1
    assert words in ran.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tally.toml b_1", "not set in the environment: TALLY_API_KEY"),
        ("chargebee INV-1", "every account of chargebee has its own: give --base-url"),
        ("tally.toml b_1 --base-url http://example.com", "must be https"),
        (
            "tally.toml b_1",
            "tally.toml sends TALLY_API_KEY to https://api.tally.example/v2: add --yes if that is right",
        ),
        ("tally.toml b_1 --option tame=x", "'tame' is no option of tally, allowed: team"),
    ],
)
@pytest.mark.usefixtures("tally")
def test_try_needs_what_the_file_names(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, line: str, words: str
) -> None:
    monkeypatch.delenv("TALLY_API_KEY", raising=False)
    if "option" in line or "sends" in words:
        monkeypatch.setenv("TALLY_API_KEY", "key-1")
    ran = terminal.type(f"provider try {line}")
    assert ran.code == 2
    assert words in " ".join(ran.err.replace("│", " ").split())


def test_the_file_of_a_documented_api_reads_what_its_documentation_shows(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENNANT_KEY", "key-1234")
    (document,) = blocks(FOLDER / "pennant_api.md", "json")
    with serving((200, json.loads(document))) as server:
        line = ("provider", "try", FOLDER / "pennant.toml", "RCV-2026-17", "--base-url", f"{server.url}/api", "--json")
        snapshot = cast("dict[str, object]", terminal.run(*line).document["snapshot"])
    assert (snapshot["status"], snapshot["due_on"], snapshot["payment_pending"]) == (
        "partially_paid",
        "2026-12-31",
        True,
    )
    assert server.asked[0].path == "/api/receivables/RCV-2026-17"
    assert server.asked[0].headers["X-Pennant-Key"] == "key-1234"
    assert "X-Pennant-Workspace" not in server.asked[0].headers, "an option that is empty is not sent"
    assert terminal.run("provider", "check", FOLDER / "pennant.toml").code == 0
