"""What holds for every command: where options stand, what goes to which output, and exit codes."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import watcher
from tests.integration.cli.terminal import Terminal, run_process
from watcher.cli.command_table import ENTRIES

COMMANDS = [entry.name for entry in ENTRIES if not entry.is_group]
INNER = [
    *(f"watch {name}" for name in ("add", "edit", "remove", "list", "import", "poll")),
    *(f"endpoints {name}" for name in ("list", "test")),
    *(f"db {name}" for name in ("upgrade", "check", "backup")),
]


def test_version_is_one_line_on_standard_output(tmp_path: Path) -> None:
    ran = run_process("--version", folder=tmp_path)

    assert (ran.code, ran.out, ran.err) == (0, f"invoice-watcher {watcher.__version__}\n", "")


def test_help_lists_every_command_and_answers_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    ran = run_process("--help", folder=tmp_path)
    took = time.monotonic() - began

    assert ran.code == 0
    assert [name for name in COMMANDS if name not in ran.out] == []
    assert took < 5  # really a third of a second; the limit only says that it loads no database and no HTTP


def test_help_loads_neither_database_nor_http() -> None:
    script = (
        "import sys, watcher.cli; watcher.cli.main(['--help']);"
        "sys.exit(bool({'sqlalchemy', 'aiohttp', 'alembic', 'apscheduler'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)  # noqa: S603 -- our own

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("command", [*COMMANDS, *INNER])
def test_each_command_explains_itself_with_an_example(command: str, terminal: Terminal) -> None:
    ran = terminal.type(f"{command} --help")

    assert ran.code == 0
    assert f"Example: invoice-watcher {command}" in ran.out
    assert "--json" in ran.out
    assert "--config" in ran.out


@pytest.mark.parametrize(
    "line",
    [
        "--config {config} --json endpoints test ledger",
        "--json endpoints --config {config} test ledger",
        "endpoints --json test --config {config} ledger",
        "endpoints test ledger --json --config {config}",
        "endpoints test --json ledger --config={config}",
    ],
)
def test_config_and_json_are_accepted_at_every_place_of_the_line(line: str, terminal: Terminal) -> None:
    elsewhere = shutil.move(terminal.folder / "config", terminal.folder / "elsewhere")
    config = Path(elsewhere) / "watcher.toml"

    ran = terminal.type(line.format(config=config))

    assert ran.code == 1
    assert ran.document["endpoint"] == "ledger"
    assert ran.err == ""


def test_the_innermost_config_wins(terminal: Terminal) -> None:
    ran = terminal.type("--config nowhere.toml check --config config/watcher.toml")

    assert ran.code == 0


def test_the_environment_names_the_config_too(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.move(terminal.folder / "config", terminal.folder / "elsewhere")

    missing = terminal.run("check")
    monkeypatch.setenv("INVOICE_WATCHER_CONFIG", "elsewhere/watcher.toml")
    found = terminal.run("check")

    assert (missing.code, found.code) == (2, 0)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("watch add acme ..", "not an invoice id"),
        ("show acme .", "not an invoice id"),
        ("watch add acme inv_9 --due-on 2026-02-30", "2026-12-01"),
        ("watch add acme inv_9 --due-on tomorrow", "2026-12-01"),
        ("watch add acme inv_9 --due-on 20261201", "2026-12-01"),
        (f"watch add acme {'x' * 256}", "255"),
        (f"watch add acme inv_9 --tag {'x' * 65}", "64"),
        (f"watch add acme inv_9 --note {'x' * 1001}", "1000"),
        ("watch edit acme inv_9", "--no-note"),
        ("watch edit acme inv_9 --tag vip --no-tags", "--no-tags"),
        ("events --after yesterday", "cursor"),
        ("events --limit 0", "--limit"),
        ("invoices --status late", "partially_paid"),
        ("deliveries --state lost", "pending"),
        ("redeliver", "--invoice"),
        ("redeliver --event evt_1 --invoice acme inv_1", "--event"),
        ("schema everything", "watchlist"),
        ("evnts", "events"),
        ("watch import nowhere.csv", "nowhere.csv"),
        ("--config nowhere.toml check", "nowhere.toml"),
    ],
)
def test_bad_usage_exits_2_and_says_what_is_allowed(line: str, words: str, terminal: Terminal) -> None:
    ran = terminal.type(line)

    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_every_mistake_of_the_configuration_is_reported_and_exits_2(terminal: Terminal) -> None:
    config = terminal.folder / "config" / "watcher.toml"
    config.write_text(config.read_text() + '\n[log]\nlevel = "loud"\n\n[polling]\nevry = "1m"\n')

    ran = terminal.run("check")

    assert (ran.code, ran.out) == (2, "")
    assert "log.level" in ran.err
    assert "polling.evry" in ran.err


@pytest.mark.parametrize("line", ["invoices", "events", "deliveries", "sources", "watch list", "endpoints list",
                                  "show acme inv_1", "watch poll acme inv_1", "watch remove acme inv_1",
                                  "redeliver --event evt_1", "db check", "db backup copy.db"])  # fmt: skip
def test_without_a_database_a_command_fails_in_words_and_makes_none(line: str, terminal: Terminal) -> None:
    ran = terminal.type(line)

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: ")
    assert "invoice-watcher" in ran.err
    assert list(terminal.folder.rglob("*.db")) == []


def test_an_unknown_source_is_met_with_the_nearest_one(terminal: Terminal) -> None:
    ran = terminal.run("get", "acmee", "inv_1")

    assert (ran.code, ran.out) == (1, "")
    assert "did you mean 'acme'?" in ran.err


def test_a_reader_that_goes_away_is_no_traceback(folder: Path) -> None:
    done = subprocess.run(  # noqa: S602 -- the pipe is what is tested
        f"{sys.executable} -m watcher schema event | head -c 1",
        shell=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("{", "")


def test_nothing_is_coloured_outside_a_terminal(folder: Path) -> None:
    ran = run_process("check", folder=folder, environment={"TERM": "xterm-256color"})

    assert ran.code == 0
    assert "\x1b" not in ran.out + ran.err


def test_bytes_that_are_no_text_are_refused_in_words(folder: Path) -> None:
    wrong = b"inv_\xff".decode(errors="surrogateescape")

    refused = run_process("watch", "add", "acme", wrong, folder=folder)
    unknown = run_process("get", wrong, "inv_1", folder=folder)

    assert (refused.code, unknown.code) == (2, 1)
    assert "not UTF-8" in refused.err
    assert "Traceback" not in refused.err + unknown.err


def test_an_answer_is_utf_8_whatever_the_locale(folder: Path) -> None:
    config = folder / "config"
    (config / "lists" / "first.csv").write_text("source,invoice_id,tags,due_on,note\nacmé,inv_1,,,\n", "utf-8")

    ran = run_process("check", folder=folder, environment={"PYTHONIOENCODING": "ascii"})

    assert ran.code == 2
    assert "acmé" in ran.err
