"""Every command as a program and as a person uses it: shapes, streams, exit codes."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import anyio
import pytest

from tests.acceptance.daemon import PATIENCE, Site, environment, until
from tests.acceptance.operating import Done, operate_all

pytestmark = pytest.mark.timeout(150)

WATCH_KEYS = [
    "source", "invoice_id", "tags", "due_on", "note", "origins", "state", "last_polled_at", "next_poll_at",
    "last_error",
]  # fmt: skip
DELIVERY_KEYS = [
    "delivery_id", "event_id", "type", "endpoint", "source", "invoice_id", "state", "attempts", "next_attempt_at",
    "last_status", "last_error",
]  # fmt: skip
SNAPSHOT_KEYS = [
    "source", "provider", "id", "number", "status", "provider_status", "overdue", "payment_pending",
    "failed_attempts", "last_payment_error", "direction", "amounts", "issued_on", "due_on", "due_at", "created_at",
    "finalized_at", "paid_at", "voided_at", "customer", "line_count", "url", "tags",
]  # fmt: skip
ESCAPE = "\x1b"


@pytest.fixture
async def recorded(site: Site) -> Site:
    """A site after a round of polls: inv_0 paid, inv_1 open, no daemon running."""
    site.sandbox.ledger.create("meteroid", "inv_0", "EUR", 1000)
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_0", "inv_1", tags=["vip"])
    site.write()
    first = await operate_all(site, "run --once")
    assert [done.code for done in first] == [0], first
    return site


def lines(done: Done) -> list[dict[str, Any]]:
    assert done.code == 0, done
    return [json.loads(line) for line in done.out.splitlines()]


async def test_json_is_lines_for_lists_and_one_document_for_the_rest_with_exactly_the_promised_keys(
    recorded: Site,
) -> None:
    invoices, events, watches, deliveries, endpoints, sources, got, shown, checked = await operate_all(
        recorded,
        "--json invoices",
        "events --json",
        "watch --json list",
        "--json deliveries",
        "endpoints list --json",
        "sources --json",
        "get meteroid inv_0 --json",
        "show meteroid inv_0 --json",
        "--json check --online",
    )
    assert [list(row) for row in lines(invoices)] == [SNAPSHOT_KEYS] * 2
    assert [list(row) for row in lines(watches)] == [WATCH_KEYS] * 2
    assert [list(row) for row in lines(deliveries)] == [DELIVERY_KEYS] * 2
    assert [list(row) for row in lines(endpoints)] == [["name", "url", "state", "waiting"]]
    assert [list(row) for row in lines(sources)] == [["name", "provider", "state", "rate", "watches"]]
    assert list(json.loads(got.out)) == SNAPSHOT_KEYS
    assert json.loads(got.out) == lines(invoices)[0]
    document = json.loads(shown.out)
    assert list(document) == ["invoice", "snapshots", "events", "deliveries"]
    assert document["invoice"] == lines(invoices)[0]
    assert document["deliveries"] == lines(deliveries)[:1]
    assert isinstance(json.loads(checked.out), dict)

    sent = {body["data"]["event_id"]: body for body in recorded.bodies()}
    assert [event["cursor"] for event in lines(events)] == sorted({event["cursor"] for event in lines(events)})
    for event in lines(events):
        del event["cursor"]
        assert event.pop("found_by") == "poll"
        assert event == sent[event["data"]["event_id"]]


async def test_what_is_filtered_limited_and_continued_by_cursor_is_what_was_asked_for(recorded: Site) -> None:
    first, none, open_ones, paid, tagged, dead, ours = await operate_all(
        recorded,
        "events --limit 1 --json",
        "events --type invoice.paid --json",
        "invoices --status open --json",
        "invoices --status paid --json",
        "invoices --tag nobody --json",
        "deliveries --state dead --json",
        "deliveries --endpoint ledger --json",
    )
    assert [len(lines(done)) for done in (first, none, open_ones, paid, tagged, dead, ours)] == [1, 0, 2, 0, 0, 0, 2]
    (rest, beyond) = await operate_all(
        recorded, f"events --json --after {lines(first)[0]['cursor']}", "events --json --after 999999"
    )
    assert (len(lines(rest)), lines(beyond)) == (1, [])
    assert lines(rest)[0]["cursor"] > lines(first)[0]["cursor"]


async def test_people_get_tables_without_escapes_and_errors_in_words_with_the_right_code(recorded: Site) -> None:
    fine = (
        "invoices",
        "events",
        "watch list",
        "deliveries",
        "endpoints list",
        "sources",
        "show meteroid inv_0",
        "check",
    )
    wrong = {
        "nonsense": 2, "invoices --status nonsense": 2, "watch add meteroid ..": 2, "redeliver": 2,
        "events --after x": 2, "events --limit 0": 2, "watch add meteroid inv_1 --due-on 2026-13-01": 2,
        "watch import nowhere.csv": 2, "invoices --config nowhere.toml": 2, "get nobody inv_1": 1,
        "get meteroid inv_9": 1, "show meteroid inv_9": 1, "watch add nobody inv_1": 1, "watch poll meteroid inv_9": 1,
        "endpoints test nobody": 1, "redeliver --event evt_0": 1, "db backup invoice-watcher.db": 1,
    }  # fmt: skip
    done = await operate_all(recorded, *fine, *wrong)
    for line, one in zip(fine, done, strict=False):
        assert (one.code, one.err) == (0, ""), line
        assert one.out, line
        assert ESCAPE not in one.out, line
    for line, one in zip(wrong, done[len(fine) :], strict=True):
        assert (one.code, one.out) == (wrong[line], ""), (line, one)
        assert one.err, line
        assert ESCAPE not in one.err, line
    shown = done[fine.index("show meteroid inv_0")].out
    assert re.search(r"^1 .* invoice\.tracked +evt_[0-9a-f]+ *$", shown, re.MULTILINE), shown


@pytest.mark.parametrize("line", ["events --json", "invoices", "show meteroid inv_0", "--help"])
async def test_a_reader_that_has_gone_ends_a_command_quietly(recorded: Site, line: str) -> None:
    def run_into_closed_pipe() -> tuple[int, bytes]:
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "wb") as gone:
            command = [sys.executable, "-m", "watcher", "--config", str(recorded.config), *line.split()]
            done = subprocess.run(  # noqa: S603 -- our own program
                command, stdout=gone, stderr=subprocess.PIPE, env=dict(environment()), timeout=PATIENCE, check=False
            )
        return done.returncode, done.stderr

    assert await anyio.to_thread.run_sync(run_into_closed_pipe) == (1, b"")


async def test_follow_prints_events_of_a_running_daemon_as_they_happen(recorded: Site) -> None:
    out = recorded.folder / "followed"
    with out.open("wb") as stdout:
        process = await anyio.open_process(
            [sys.executable, "-m", "watcher", "--json", "events", "--follow", "--after", "2"],
            stdin=None,
            stdout=stdout,
            stderr=stdout,
            env={**environment(), "INVOICE_WATCHER_CONFIG": str(recorded.config)},
        )
    async with recorded.running():
        recorded.sandbox.ledger.pay(recorded.sandbox.ledger.bill("meteroid", "inv_1"))
        await until(lambda: "invoice.paid" in out.read_text(), "it is followed")
        process.terminate()
        with anyio.fail_after(PATIENCE):
            await process.wait()
    assert [json.loads(line)["cursor"] for line in out.read_text().splitlines()] == [3]


async def test_run_once_reports_a_failed_poll_and_a_failed_delivery_by_its_exit_code(recorded: Site) -> None:
    site = recorded
    site.sandbox.ledger.pay(site.sandbox.ledger.bill("meteroid", "inv_1"))
    site.endpoint(retries=["0s", "1h"])
    site.write()
    site.receiver.answer_next(500)
    failed, listed, fine = await operate_all(site, "run --once", "deliveries --state pending --json", "run --once")
    assert (failed.code, fine.code) == (1, 0)
    assert [row["last_status"] for row in lines(listed)] == [500]
    assert len(site.receiver.deliveries) == 3
