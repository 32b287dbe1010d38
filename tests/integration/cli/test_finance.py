"""`audit`, `aging`, `--csv` and archived events, as somebody at a terminal uses them."""

import asyncio
import csv
import gzip
import io
import os
import pwd
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from tests.integration.cli.history import LIFE, seed
from tests.integration.cli.terminal import Terminal

CHANGES = (
    ("watch add acme inv_3", 0),
    ("watch add nowhere inv_3", 1),
    ("watch import more.csv", 0),
    ("watch poll acme inv_3", 0),
    ("watch remove acme inv_1", 1),
    ("watch remove acme inv_3 --purge", 0),
    ("endpoints disable ledger", 0),
    ("endpoints enable ledger", 0),
    ("endpoints test ledger", 1),
    ("redeliver --invoice acme inv_1", 0),
    ("redeliver --invoice acme inv_1 --dry-run", 0),
    ("redeliver --event evt_nothing", 1),
    ("redeliver --endpoint ledger --since 2026-01-01", 0),
)
"""Command lines and their exit codes."""
ME = f"cli:{pwd.getpwuid(os.geteuid()).pw_name}"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("seeded") / "watcher.db"
    asyncio.run(seed(file))
    return file


@pytest.fixture(autouse=True)
def database(folder: Path, seeded: Path) -> Path:
    file = folder / "config" / "watcher.db"
    file.write_bytes(seeded.read_bytes())
    return file


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_what_commands_change_is_kept_with_the_user_of_the_system(
    terminal: Terminal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    (folder / "more.csv").write_text("source,invoice_id\nacme,inv_8\nacme,inv_9\n")
    for words, exit_code in CHANGES:
        assert terminal.type(words).code == exit_code, words
    entries = terminal.type("audit --json").lines
    assert {entry["who"] for entry in entries} == {ME}
    shown = [(entry["action"], entry["target"], str(entry["outcome"]).partition(":")[0]) for entry in reversed(entries)]
    assert shown == [
        ("watch.add", "acme inv_3", "done"),
        ("watch.add", "nowhere inv_3", "refused"),
        ("watch.import", "more.csv", "done"),
        ("watch.poll", "acme inv_3", "done"),
        ("watch.remove", "acme inv_1", "refused"),
        ("watch.purge", "acme inv_3", "done"),
        ("endpoint.disable", "ledger", "done"),
        ("endpoint.enable", "ledger", "done"),
        ("endpoint.test", "ledger", "failed"),
        ("redeliver", "acme inv_1", "done"),
        ("redeliver", "evt_nothing", "refused"),
        ("redeliver", "ledger since 2026-01-01T00:00:00Z", "done"),
    ]
    assert [entry["target"] for entry in terminal.type("audit --json --limit 1").lines] == [shown[-1][1]]
    assert terminal.type("audit --json --since 2099-01-01").lines == []
    assert "endpoint.disable" in terminal.type("audit").out
    assert len(rows(terminal.type("audit --csv").out)) == len(shown)


def test_lists_are_printed_as_csv_and_what_was_listed_is_imported_again(terminal: Terminal, folder: Path) -> None:
    terminal.type("watch add acme =1+1 --note -x --tag vip")
    printed = terminal.type("watch list --csv").out
    assert [row["invoice_id"] for row in rows(printed)] == ["'=1+1", "inv_1", "inv_2"]
    (folder / "again.csv").write_text(printed, newline="")
    assert terminal.type("watch import again.csv").code == 0
    assert {line["invoice_id"] for line in terminal.type("watch list --json").lines} == {"=1+1", "inv_1", "inv_2"}
    assert [row["id"] for row in rows(terminal.type("invoices --csv").out)] == ["inv_1"]
    assert len(rows(terminal.type("events --csv --type invoice.*").out)) >= len(terminal.type("events --json").lines)
    assert terminal.type("events --csv --json").code == 2
    assert terminal.type("events --csv --follow").code == 2


def test_aging_shows_what_is_due(terminal: Terminal) -> None:
    last = LIFE[-1].transition.snapshot
    due = sum(amounts.due for amounts in last.amounts)
    for by in ("source", "customer", "tag"):
        items = terminal.type(f"aging --by {by} --json").lines
        assert sum(Decimal(cast("dict[str, str]", item["total"])["due"]) for item in items) == due
        assert len(rows(terminal.type(f"aging --by {by} --csv").out)) == len(items)
    assert terminal.type("aging --by colour").code == 2


@pytest.mark.parametrize("report", ["forecast", "dso"])
def test_reports_along_time_are_printed_in_every_form(terminal: Terminal, report: str) -> None:
    items = terminal.type(f"{report} --json").lines
    assert len(items) in {0, 13, 15}
    assert [row["currency"] for row in rows(terminal.type(f"{report} --csv").out)] == [one["currency"] for one in items]
    assert terminal.type(f"{report} --source nowhere").code == 1
    ran = terminal.type(report)
    assert ("EUR" if items else "No invoice is paid yet" if report == "dso" else "Nothing is due") in ran.out + ran.err


def test_what_is_forecast_is_what_is_due(terminal: Terminal) -> None:
    due = sum(amounts.due for amounts in LIFE[-1].transition.snapshot.amounts)
    items = terminal.type("forecast --json").lines
    assert sum(Decimal(str(item["due"])) for item in items) == due
    assert terminal.type("invoices --sort amount_due --desc --customer nobody --json").lines == []
    assert [one["id"] for one in terminal.type("invoices --sort last_change --json").lines] == ["inv_1"]


def test_an_archived_month_is_read_without_database_and_configuration(
    terminal: Terminal, folder: Path, database: Path
) -> None:
    printed = terminal.type("events --json").out
    file = folder / "events-2026-01.jsonl.gz"
    file.write_bytes(gzip.compress(printed.encode()))
    database.unlink()
    (folder / "config" / "watcher.toml").unlink()
    assert terminal.type(f"events --archive {file} --json").out == printed
    some = terminal.type(f"events --archive {file} --json --type invoice.tracked --limit 1").lines
    assert [line["type"] for line in some] == ["invoice.tracked"]
    assert len(rows(terminal.type(f"events --archive {file} --csv").out)) >= len(printed.splitlines())
    for wrong in (file.read_bytes()[:-9], b"no archive", gzip.compress(b"{}\n"), gzip.compress(b"nothing\n")):
        file.write_bytes(wrong)
        refused = terminal.type(f"events --archive {file} --json")
        assert refused.code == 1
        assert "is no whole archive of events" in refused.err
    assert terminal.type("events --archive nothing.gz").code == 2
