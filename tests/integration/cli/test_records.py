"""What the commands say about a database with a history: one invoice that was paid in parts, one never seen."""

import asyncio
import json
import re
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from tests.integration.cli.history import LIFE, RAW, seed
from tests.integration.cli.terminal import Terminal
from watcher.core.invoices.event_schema import event_schema

WATCH_KEYS = ["source", "invoice_id", "tags", "due_on", "note", "origins", "state", "last_polled_at", "next_poll_at",
              "last_error"]  # fmt: skip
DELIVERY_KEYS = ["delivery_id", "event_id", "type", "endpoint", "source", "invoice_id", "state", "attempts",
                 "next_attempt_at", "last_status", "last_error"]  # fmt: skip


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("seeded") / "watcher.db"
    asyncio.run(seed(file))
    return file


@pytest.fixture(autouse=True)
def database(folder: Path, seeded: Path) -> Path:
    """A copy for each test, where the configuration says."""
    file = folder / "config" / "watcher.db"
    file.write_bytes(seeded.read_bytes())
    return file


RECORDED: list[dict[str, Any]] = [json.loads(shown) for stage in LIFE for shown in stage.bodies]


def test_events_are_exactly_the_webhook_bodies_plus_a_cursor(terminal: Terminal) -> None:
    lines = cast("list[dict[str, Any]]", terminal.type("events --json").lines)

    cursors = [line.pop("cursor") for line in lines]
    assert [line.pop("found_by") for line in lines] == [None] * len(lines)
    assert lines == RECORDED
    assert cursors == sorted(set(cursors))
    validator = cast("Any", Draft202012Validator(cast("Any", event_schema())))
    assert [error.message for line in lines for error in validator.iter_errors(line)] == []


def test_a_cursor_continues_where_it_was_and_limit_ends_it(terminal: Terminal) -> None:
    first = terminal.type("events --json --limit 2").lines
    rest = terminal.type(f"events --json --after {first[-1]['cursor']}").lines

    assert [line["type"] for line in (*first, *rest)] == [shown["type"] for shown in RECORDED]
    assert len(first) == 2


def test_a_glob_chooses_types(terminal: Terminal) -> None:
    lines = terminal.type("events --json --type invoice.pa*").lines

    assert {str(line["type"]) for line in lines} == {
        "invoice.payment_failed",
        "invoice.payment_pending",
        "invoice.partially_paid",
    }


def test_events_are_a_table_for_people(terminal: Terminal) -> None:
    ran = terminal.run("events")

    assert len(ran.out.splitlines()) == len(RECORDED) + 2
    assert "inv_1" in ran.out.splitlines()[2]
    assert "2026-11-22 10:00:00Z" in ran.out


def test_invoices_are_snapshots(terminal: Terminal) -> None:
    assert terminal.type("invoices --json").lines == [RECORDED[-1]["data"]["invoice"]]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("--status partially_paid", 1),
        ("--status paid", 0),
        ("--overdue", 0),
        ("--source acme", 1),
        ("--source other", 0),
        ("--tag vip", 1),
        ("--tag legal", 0),
    ],
)
def test_invoices_are_filtered(options: str, found: int, terminal: Terminal) -> None:
    assert len(terminal.type(f"invoices --json {options}").lines) == found


def test_show_is_one_document_of_all_that_is_known(terminal: Terminal) -> None:
    document = cast("dict[str, Any]", terminal.type("show acme inv_1 --json").document)

    assert list(document) == ["invoice", "snapshots", "events", "deliveries"]
    assert document["invoice"] == RECORDED[-1]["data"]["invoice"]
    assert [event["data"]["sequence"] for event in document["events"]] == list(range(1, len(RECORDED) + 1))
    assert len(document["deliveries"]) == len(RECORDED)


def test_show_reports_people_the_amounts_and_the_history(terminal: Terminal) -> None:
    ran = terminal.type("show acme inv_1")

    assert ran.code == 0
    assert "40.00" in ran.out
    assert "invoice.partially_paid" in ran.out
    assert "delivered" in ran.out


def test_show_raw_is_the_provider_s_document(terminal: Terminal) -> None:
    assert terminal.type("show acme inv_1 --raw").out.encode() == RAW + b"\n"


def test_a_watch_that_was_never_seen_is_shown_as_such(terminal: Terminal) -> None:
    plain, raw = terminal.type("show acme inv_2"), terminal.type("show acme inv_2 --raw")

    assert (plain.code, "not seen yet" in plain.out) == (0, True)
    assert (raw.code, raw.out) == (1, "")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("show acme inv_11", "did you mean 'inv_1'?"),
        ("show acmee inv_1", "did you mean 'acme'?"),
        ("watch remove acme inv_9", "inv_9"),
        ("watch poll acme inv_9", "inv_9"),
        ("watch edit acme inv_9 --no-tags", "inv_9"),
        ("watch edit acme inv_1 --note mine", "lists/first.csv:2: edit its tags and note there"),
        ("watch add acmee inv_9", "did you mean 'acme'?"),
        ("redeliver --event evt_unknown", "evt_unknown"),
        ("redeliver --invoice acme inv_9", "inv_9"),
        ("watch remove acme inv_1", "lists/first.csv:2"),
    ],
)
def test_what_is_not_there_exits_1_and_names_what_was_meant(line: str, words: str, terminal: Terminal) -> None:
    ran = terminal.type(line)

    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err


def test_watch_list_has_the_promised_keys(terminal: Terminal) -> None:
    first, second = terminal.type("watch list --json").lines

    assert list(first) == WATCH_KEYS
    assert (first["origins"], second["origins"], second["note"]) == (["file"], ["cli"], "by hand")


def test_a_watch_is_added_listed_polled_and_removed(terminal: Terminal) -> None:
    added = terminal.run("watch", "add", "acme", "inv 3/?#%", "--tag", "vip", "--tag", "vip", "--due-on", "2026-12-01")
    again = terminal.run("watch", "add", "acme", "inv 3/?#%", "--json")
    [watch] = [line for line in terminal.type("watch list --json").lines if line["invoice_id"] == "inv 3/?#%"]
    polled = terminal.run("watch", "poll", "acme", "inv 3/?#%")
    removed = terminal.run("watch", "remove", "acme", "inv 3/?#%")

    assert [ran.code for ran in (added, again, polled, removed)] == [0, 0, 0, 0]
    assert (watch["tags"], watch["due_on"]) == (["vip"], "2026-12-01")
    assert again.document["done"] == "watched already"
    assert len(terminal.type("watch list --json").lines) == 2


def test_tags_and_note_of_a_watch_are_edited(terminal: Terminal) -> None:
    tagged = terminal.type("watch edit acme inv_2 --tag vip --tag legal --json")
    between = terminal.type("watch list --json --tag legal").lines
    emptied = terminal.type("watch edit acme inv_2 --no-tags --note mine")
    [_, watch] = terminal.type("watch list --json").lines
    newest, *_ = terminal.type("audit --json").lines

    assert tagged.document == {"source": "acme", "invoice_id": "inv_2", "done": "edited"}
    assert [(one["tags"], one["note"]) for one in between] == [(["vip", "legal"], "by hand")]
    assert (emptied.out, watch["tags"], watch["note"]) == ("acme inv_2: edited\n", [], "mine")
    assert (newest["action"], newest["target"]) == ("watch.edit", "acme inv_2")


def test_a_list_is_imported_whole_or_not_at_all(terminal: Terminal) -> None:
    good, bad = terminal.folder / "march.csv", terminal.folder / "april.csv"
    good.write_text("source,invoice_id,tags,due_on,note\nacme,inv_1,,,\nacme,inv_7,,,\nacme,inv_7,vip,,\n")
    bad.write_text("source,invoice_id,tags,due_on,note\nacme,inv_8,,,\nacme,inv_9,,soon,\nacmee,inv_10,,,\n")

    imported, refused = terminal.run("watch", "import", good), terminal.run("watch", "import", bad)

    assert (imported.code, imported.out) == (0, f"{good}: 2 invoices, 1 of them new\n")
    assert (refused.code, refused.out) == (2, "")
    assert f"{bad}:3" in refused.err
    assert f"{bad}:4" in refused.err
    assert {line["invoice_id"] for line in terminal.type("watch list --json").lines} == {"inv_1", "inv_2", "inv_7"}


def test_a_purge_is_refused_while_a_file_lists_the_invoice(terminal: Terminal) -> None:
    refused, done = terminal.type("watch remove acme inv_1 --purge"), terminal.type("watch remove acme inv_2 --purge")

    assert (refused.code, refused.out) == (1, "")
    assert "lists/first.csv:2" in refused.err
    assert (done.code, done.out) == (0, "acme inv_2: purged\n")


def test_deliveries_have_the_promised_keys_and_are_filtered(terminal: Terminal) -> None:
    everything = terminal.type("deliveries --json").lines
    delivered = terminal.type("deliveries --json --state delivered --endpoint ledger").lines

    assert list(everything[0]) == DELIVERY_KEYS
    assert (len(everything), len(delivered)) == (len(RECORDED), 1)
    assert terminal.type("deliveries --json --endpoint other").out == ""


def test_redelivery_is_counted_first_and_done_then(terminal: Terminal) -> None:
    event_id = RECORDED[0]["data"]["event_id"]
    counted = terminal.run("redeliver", "--event", event_id, "--dry-run", "--json")
    between = terminal.type("deliveries --json --state delivered").lines
    done = terminal.run("redeliver", "--event", event_id)
    after = terminal.type("deliveries --json --state delivered").lines
    whole = terminal.type("redeliver --invoice acme inv_1 --json")

    assert counted.document == {"deliveries": 1, "dry_run": True}
    assert (len(between), len(after)) == (1, 0)
    assert done.out == "1 webhook will be sent again\n"
    assert whole.document["deliveries"] == len(RECORDED)


def test_endpoints_and_sources_are_listed_with_what_waits(terminal: Terminal) -> None:
    [endpoint] = terminal.type("endpoints list --json").lines
    [source] = terminal.type("sources --json").lines

    assert list(endpoint) == ["name", "url", "state", "waiting"]
    assert (endpoint["name"], endpoint["waiting"]) == ("ledger", len(RECORDED) - 1)
    assert source == {"name": "acme", "provider": "meteroid", "state": "active", "rate": "5/s", "watches": 2}


def test_the_database_is_checked_upgraded_and_copied_once(terminal: Terminal) -> None:
    checked, upgraded = terminal.type("db check"), terminal.type("db upgrade --json")
    copied, refused = terminal.type("db backup copy.db"), terminal.type("db backup copy.db")

    assert [ran.code for ran in (checked, upgraded, copied, refused)] == [0, 0, 0, 1]
    assert (terminal.folder / "copy.db").exists()
    assert "copy.db" in refused.err


def test_what_contradicts_itself_in_the_database_is_named(terminal: Terminal, database: Path) -> None:
    fine = terminal.type("db check --json")
    with closing(connect(database)) as connection:
        connection.execute("UPDATE events SET sequence = 7 WHERE sequence = 2")
        connection.commit()
    plain, for_programs = terminal.type("db check"), terminal.type("db check --json")

    assert (fine.code, fine.document["problems"]) == (0, [])
    assert (plain.code, for_programs.code) == (1, 1)
    named, *_, result = plain.out.splitlines()
    assert re.fullmatch(
        r"acme inv_1: between sequence 1 \(cursor \d+\) and sequence 7 \(cursor \d+\) events are missing", named
    )
    assert "contradicts itself (" in result
    assert for_programs.document["result"] == result
    first = cast("list[dict[str, object]]", for_programs.document["problems"])[0]
    assert first == {"problem": named, "source": "acme", "invoice_id": "inv_1", "sequence": 7}


def test_reading_leaves_the_database_as_it_is(terminal: Terminal, database: Path) -> None:
    before = database.read_bytes()

    for line in ("invoices", "events", "deliveries", "sources", "watch list", "endpoints list", "show acme inv_1"):
        assert terminal.type(line).code == 0

    assert database.read_bytes() == before
