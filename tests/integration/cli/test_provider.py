"""`provider list`, `check`, `try` and `schema`, and `init --provider`, as a user types them."""

import asyncio
import json
import threading
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from tests.fakes.adapter_files import FOLDER
from tests.fakes.provider_server import ProviderServer, provider_server
from tests.integration.cli.terminal import Terminal
from tests.integration.repository import ROOT
from tests.integration.repository.documents import blocks
from watcher.config.adapters.shipped import shipped

GUIDE = ROOT / "docs" / "adapter-file.md"
TALLY = (FOLDER / "tally.toml").read_text()
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


@pytest.fixture
def tally(terminal: Terminal) -> Path:
    path = terminal.folder / "tally.toml"
    path.write_text(TALLY)
    return path


def test_list_names_the_built_in_the_shipped_and_the_configured(terminal: Terminal, tally: Path) -> None:
    config = terminal.folder / "config" / "watcher.toml"
    config.write_text(config.read_text().replace("[watcher]\n", '[watcher]\nadapters = ["../tally.toml"]\n'))
    ran = terminal.type("provider list --json")
    rows = {row["name"]: row for row in ran.lines}
    assert [name for name, row in rows.items() if row["by"] == "code"] == [
        "fragment",
        "meteroid",
        "dollr",
        "rapyd",
        "chargeover",
    ]
    assert {name for name, row in rows.items() if row["by"] == "file"} == set(shipped())
    assert rows["tally"]["by"] == "config/../tally.toml"
    assert rows["square"]["options"] == {"location_id": ""}
    assert rows["chargebee"]["batch_size"] == 50
    assert tally.exists()


def test_check_runs_the_examples_and_says_what_differs(terminal: Terminal, tally: Path) -> None:
    ran = terminal.run("provider", "check", tally)
    assert (ran.code, ran.out.strip()) == (0, f"{tally} is right: 3 examples as expected")
    tally.write_text(TALLY.replace('status = "partially_paid"', 'status = "paid"'))
    ran = terminal.run("provider", "check", tally)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"{tally}:")
    assert ran.err.strip().endswith("example[0].expect.status: is 'paid', but the map gives 'partially_paid'")
    assert terminal.run("provider", "check", tally, "--json").document["examples"] != []


def test_check_names_every_mistake(terminal: Terminal, tally: Path) -> None:
    tally.write_text(TALLY.replace('unit = "minor"', 'unit = "cents"').replace('by = "after_id"', 'by = "page"'))
    ran = terminal.run("provider", "check", tally)
    assert ran.code == 2
    assert ran.err.count(f"{tally}:") == 2


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_shipped_file_is_right(terminal: Terminal, name: str) -> None:
    ran = terminal.run("provider", "check", name, "--json")
    examples = ran.document["examples"]
    assert ran.code == 0, ran.out
    assert isinstance(examples, list)
    assert len(cast("list[object]", examples)) >= 4


def test_a_name_that_is_no_file_is_refused_with_the_nearest_one(terminal: Terminal) -> None:
    ran = terminal.type("provider check strip")
    assert ran.code != 0
    assert "did you mean 'stripe'?" in ran.err


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
        ("tally.toml b_1 --option tame=x", "'tame' is no option of tally, allowed: team"),
    ],
)
@pytest.mark.usefixtures("tally")
def test_try_needs_what_the_file_names(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, line: str, words: str
) -> None:
    monkeypatch.delenv("TALLY_API_KEY", raising=False)
    if "option" in line:
        monkeypatch.setenv("TALLY_API_KEY", "key-1")
    ran = terminal.type(f"provider try {line}")
    assert ran.code == 2
    assert words in " ".join(ran.err.replace("│", " ").split())


def test_the_schema_accepts_every_adapter_file_and_refuses_a_mistake(terminal: Terminal) -> None:
    schema = terminal.type("provider schema").document
    validator = cast("Any", Draft202012Validator)(schema)
    Draft202012Validator.check_schema(schema)
    for path in (*shipped().values(), *FOLDER.glob("*.toml")):
        validator.validate(tomllib.loads(path.read_text()))
    wrong = tomllib.loads(TALLY.replace("then = {", "than = {"))
    assert not validator.is_valid(wrong)


def test_the_schema_of_a_configuration_knows_its_adapter_files(terminal: Terminal, tally: Path) -> None:
    config = terminal.folder / "config" / "watcher.toml"
    config.write_text(config.read_text().replace("[watcher]\n", '[watcher]\nadapters = ["../tally.toml"]\n'))
    validator = cast("Any", Draft202012Validator)(terminal.type("schema config").document)
    source = '[sources.north]\nprovider = "tally"\napi_key = { env = "KEY" }\nteam = "north"\n'
    assert validator.is_valid(tomllib.loads(source))
    assert not validator.is_valid(tomllib.loads(source.replace("team", "tame")))
    tally.write_text("name = 5")
    assert not cast("Any", Draft202012Validator)(terminal.type("schema config").document).is_valid(
        tomllib.loads(source)
    )


def test_the_documented_file_is_right(terminal: Terminal) -> None:
    (text,) = blocks(GUIDE, "toml")
    (terminal.folder / "acmebill.toml").write_text(text)
    assert terminal.type("provider check acmebill.toml").out.strip() == "acmebill.toml is right: 1 example as expected"


def test_the_reference_fits_on_two_pages() -> None:
    """A page is 66 lines of 100 characters."""
    reference = GUIDE.read_text().partition("## Reference")[2]
    lines = sum(1 + len(line) // 100 for line in reference.splitlines())
    assert lines <= 2 * 66


@pytest.mark.parametrize("name", ["stripe", "square", "meteroid"])
def test_init_fills_in_a_source_that_check_accepts(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert terminal.type(f"init --provider {name} mine").code == 0
    key = "ACCESS_TOKEN" if name == "square" else "API_KEY"
    monkeypatch.setenv(f"{name}_{key}".upper(), "key")
    checked = terminal.type("check --config mine/watcher.toml")
    assert (checked.code, "1 source" in checked.out) == (0, True), checked.err


def test_init_says_what_only_the_user_knows(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert terminal.type("init --provider chargebee mine").code == 0
    monkeypatch.setenv("CHARGEBEE_API_KEY", "key")
    checked = terminal.type("check --config mine/watcher.toml")
    assert "sources.chargebee.base_url: is missing" in checked.err
    assert terminal.type("init --provider chargeby mine2").err.count("did you mean 'chargebee'?") == 1


def test_plan_knows_a_shipped_provider(terminal: Terminal) -> None:
    ran = terminal.type("plan --invoices 5000 --provider chargebee --json")
    assert ran.code == 0
    assert json.loads(ran.out.splitlines()[0])["provider"] == "chargebee"
