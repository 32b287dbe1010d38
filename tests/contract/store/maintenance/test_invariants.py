"""`db check` on a whole history, and on one in which something was changed by hand."""

# ruff: noqa: S608 -- what is changed by hand is SQL

import re
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.data.databases import load
from watcher.core.errors import StoreUnavailable
from watcher.store import check, open_store
from watcher.store.maintenance.invariants.check import RULES, broken_invariants
from watcher.store.maintenance.invariants.problem import MOST
from watcher.store.migrate import REVISIONS
from watcher.store.watches.purge import purge_watch


def of(invoice: str) -> str:
    return f"(SELECT id FROM watches WHERE invoice_id = '{invoice}')"


def newest(invoice: str) -> str:
    """The cursor of its newest event."""
    return f"(SELECT max(cursor) FROM events WHERE watch_id = {of(invoice)})"


PAID, OPEN, ADDED, LATE = "inv_paid", "inv_open", "inv_added", "inv_late"
TO_NOBODY = "endpoint = 'nobody'"
DELIVERED = "(SELECT min(id) FROM deliveries WHERE state = 'delivered')"
A_DELIVERY = r"meteroid inv_\w+: dlv_\d+ to \w+ "

BREAKS: dict[str, tuple[str, str]] = {
    f"UPDATE events SET sequence = 9 WHERE cursor = {newest(PAID)}": (
        "sequences",
        r"meteroid inv_paid: between sequence 2 \(cursor \d+\) and sequence 9 \(cursor \d+\) events are missing",
    ),
    f"UPDATE events SET sequence = sequence + 1 WHERE watch_id = {of(OPEN)}": (
        "sequences",
        r"meteroid inv_open: the history begins with sequence 2 \(cursor \d+\), not with 1",
    ),
    f"UPDATE events SET sequence = 2 WHERE cursor = {newest(PAID)}": (
        "sequences",
        r"meteroid inv_paid: sequence 2 \(cursor \d+\) is there twice \(cursor \d+\)",
    ),
    f"UPDATE events SET sequence = 3 - sequence WHERE watch_id = {of(OPEN)}": (
        "sequences",
        r"meteroid inv_open: sequence 1 \(cursor \d+\) comes after sequence 2 \(cursor \d+\)",
    ),
    "UPDATE events SET cursor = 99 WHERE cursor = 4": ("cursors", "no event has cursor 4"),
    "UPDATE counters SET value = value - 1 WHERE name = 'cursor'": (
        "cursors",
        "the newest event has cursor 10, and the counter stands at 9",
    ),
    "UPDATE counters SET value = value + 2 WHERE name = 'cursor'": ("cursors", "no event has the cursors 11 to 12"),
    f"UPDATE events SET type = 'invoice.lost' WHERE cursor = {newest(OPEN)}": (
        "types",
        r"meteroid inv_open: the event with cursor \d+ is 'invoice.lost', a type that does not exist",
    ),
    f"UPDATE events SET watch_id = NULL WHERE cursor = {newest(OPEN)}": (
        "types",
        r"the event with cursor \d+ is 'invoice.partially_paid', and has no invoice or no sequence",
    ),
    f"UPDATE events SET type = 'source.failing' WHERE cursor = {newest(OPEN)}": (
        "types",
        r"meteroid inv_open: the event with cursor \d+ is 'source.failing', and has an invoice or a sequence",
    ),
    f'UPDATE snapshots SET document = replace(document, \'"status":"void"\', \'"status":"paid"\') '
    f"WHERE watch_id = {of(ADDED)}": (
        "invoices",
        r"meteroid inv_added: the newest event \(sequence 3\) and snapshot 3 differ in status",
    ),
    f"DELETE FROM snapshots WHERE watch_id = {of(LATE)}": (
        "invoices",
        r"meteroid inv_late: its newest snapshot \(version 1\) is missing",
    ),
    f'UPDATE events SET "full" = NULL WHERE cursor = {newest(PAID)}': (
        "invoices",
        "meteroid inv_paid: the body of its newest event is missing, and its snapshot is not",
    ),
    f"UPDATE watches SET status = 'paid' WHERE id = {of(LATE)}": (
        "invoices",
        "meteroid inv_late: its row says paid, overdue, and snapshot 1 does not",
    ),
    f"UPDATE watches SET memory = replace(memory, '\"sequence\":2', '\"sequence\":7') WHERE id = {of(OPEN)}": (
        "invoices",
        "meteroid inv_open: the next poll would count from version 2 and sequence 7, not from 2 and 2",
    ),
    f"UPDATE watches SET memory = replace(memory, '30000', '40000') WHERE id = {of(OPEN)}": (
        "invoices",
        "meteroid inv_open: the next poll would be compared with something else than snapshot 2, in amounts",
    ),
    f"UPDATE watches SET sequence = 3 WHERE id = {of(OPEN)}": (
        "invoices",
        "meteroid inv_open: 3 events are counted, and the newest one has sequence 2",
    ),
    f"UPDATE watches SET source = 'gone' WHERE id = {of(OPEN)}": (
        "invoices",
        "gone inv_open: its source gone does not exist",
    ),
    **{
        f'UPDATE snapshots SET document = replace(document, \'"total":"1079.98"\', \'"total":"{wrong}"\') '
        f"WHERE watch_id = {of(PAID)} AND version = 1": (
            "snapshots",
            f"meteroid inv_paid: snapshot 1 has '{wrong}' EUR as amount total, which this program would not write",
        )
        for wrong in ("1079.9", "01079.98", "1.07998e3", "-0.00", "1079", "")
    },
    f'UPDATE snapshots SET document = replace(document, \'"currency":"EUR"\', \'"currency":"KWD"\') '
    f"WHERE watch_id = {of(PAID)} AND version = 2": (
        "snapshots",
        "meteroid inv_paid: snapshot 2 has '400.00' KWD as amount paid, which this program would not write",
    ),
    f"DELETE FROM snapshots WHERE watch_id = {of(PAID)} AND version = 2": (
        "snapshots",
        "meteroid inv_paid: between snapshot 1 and 3 others are missing",
    ),
    f"UPDATE open_amounts SET due = '30001' WHERE watch_id = {of(OPEN)}": (
        "open amounts",
        "meteroid inv_open: what reports show of JPY differs from snapshot 2 in due",
    ),
    f"DELETE FROM open_amounts WHERE watch_id = {of(OPEN)}": (
        "open amounts",
        "meteroid inv_open: snapshot 2 leaves 30000 JPY to be paid, and reports would show nothing",
    ),
    f"UPDATE open_amounts SET watch_id = {of(PAID)} WHERE watch_id = {of(LATE)}": (
        "open amounts",
        "meteroid inv_paid: snapshot 3 leaves nothing to be paid, and reports would show 1234.567 KWD",
    ),
    f"UPDATE invoice_amounts SET due_rank = '0530001' WHERE watch_id = {of(OPEN)}": (
        "lists",
        "meteroid inv_open: lists and snapshot 2 differ in due_rank",
    ),
    f"DELETE FROM invoice_amounts WHERE watch_id = {of(PAID)}": (
        "lists",
        "meteroid inv_paid: lists would show 0 amounts of it, and snapshot 3 has 1",
    ),
    f"UPDATE deliveries SET cursor = 999 WHERE {TO_NOBODY}": (
        "deliveries",
        r"dlv_\d+ to nobody belongs to an event \(cursor 999\) that does not exist",
    ),
    f"UPDATE deliveries SET event_type = 'invoice.voided' WHERE {TO_NOBODY}": (
        "deliveries",
        r"meteroid inv_paid: dlv_\d+ to nobody is one of 'invoice.voided', and its event is 'invoice.paid'",
    ),
    f"UPDATE deliveries SET watch_id = {of(LATE)} WHERE {TO_NOBODY}": (
        "deliveries",
        r"meteroid inv_paid: dlv_\d+ to nobody belongs to another invoice than its event",
    ),
    f"UPDATE deliveries SET form = 'long' WHERE {TO_NOBODY}": (
        "deliveries",
        r"meteroid inv_paid: dlv_\d+ to nobody has the form 'long' and the state 'pending', and one of them does not",
    ),
    f"UPDATE deliveries SET form = 'cloudevents_truncated' WHERE {TO_NOBODY}": (
        "deliveries",
        r"inv_paid: dlv_\d+ to nobody waits, and the body that it sends \(cloudevents_truncated\) is not there",
    ),
    f"UPDATE attempts SET delivery_id = 999 WHERE delivery_id = {DELIVERED}": (
        "deliveries",
        "attempt 1 belongs to dlv_999, which does not exist",
    ),
    f"UPDATE deliveries SET due_at = 1 WHERE id = {DELIVERED}": (
        "turns",
        A_DELIVERY + "is delivered, and would be sent again",
    ),
    f"UPDATE deliveries SET due_at = NULL WHERE {TO_NOBODY}": (
        "turns",
        A_DELIVERY + "waits for nothing, and would never be sent",
    ),
    f"UPDATE deliveries SET due_at = due_at - 1 WHERE {TO_NOBODY}": (
        "turns",
        A_DELIVERY + "is due at another time than its place in the order of its invoice allows",
    ),
    f"UPDATE snapshots SET document = '{{}}' WHERE watch_id = {of(LATE)}": (
        "snapshots",
        "meteroid inv_late: snapshot 1 cannot be read",
    ),
    f"UPDATE snapshots SET watch_id = 999 WHERE watch_id = {of(LATE)}": (
        "references",
        "snapshots has rows of the watch 999, which does not exist",
    ),
}
"""What is done to the database: the rule that has to notice it, and what it has to say."""


@pytest.fixture(name="url")
async def fixture_url(empty_url: str) -> str:
    """A database with a history in which everything is right."""
    await load(REVISIONS[-1], empty_url)
    return empty_url


async def unchecked(connection: AsyncConnection) -> None:
    """Let this transaction break references."""
    if connection.dialect.name == "sqlite":
        await connection.execute(text("PRAGMA defer_foreign_keys = ON"))
    else:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))


async def test_whatever_is_changed_by_hand_is_named_with_its_place(url: str) -> None:
    missed = dict[str, list[str]]()
    async with open_store(url) as store, store.engine.connect() as connection:
        for statement, (rule, sentence) in BREAKS.items():
            await unchecked(connection)
            changed = await connection.exec_driver_sql(statement)
            assert changed.rowcount > 0, statement
            found = await broken_invariants(connection)
            await connection.rollback()
            said = [problem.sentence for problem in found.problems]
            if not any(re.search(sentence, one) for one in said) or rule not in found.counts:
                missed[statement] = said
        assert missed == {}
        assert {rule for rule, _ in BREAKS.values()} == set(RULES)
    assert (await check(url)).problems == ()


async def test_a_problem_says_which_event_of_which_invoice(url: str) -> None:
    paid = 'replace(document, \'"status":"open"\', \'"status":"paid"\')'
    async with open_store(url) as store, store.transaction() as connection:
        await connection.exec_driver_sql(f"UPDATE snapshots SET document = {paid} WHERE watch_id = {of(LATE)}")
    checked = await check(url)

    assert "contradicts itself (invoices 3, open amounts 1, lists 1): keep a copy of it, and restore" in checked.result
    first = checked.problems[0]
    assert (first.source, first.invoice_id, first.sequence) == ("meteroid", "inv_late", 2)


async def test_a_damage_of_every_row_is_counted_and_named_in_part(url: str) -> None:
    async with open_store(url) as store, store.transaction() as connection:
        copies = "SELECT 1000 + a.id * 100 + b.id, a.delivery_id, 77, a.outcome, a.started_at, a.duration_us"
        columns = "(id, delivery_id, number, outcome, started_at, duration_us)"
        await connection.execute(text(f"INSERT INTO attempts {columns} {copies} FROM attempts a, attempts b"))
        await connection.execute(text("UPDATE deliveries SET due_at = 5 WHERE state = 'delivered'"))
        count = (
            await connection.execute(text("SELECT count(*) FROM deliveries WHERE state = 'delivered'"))
        ).scalar_one()
    checked = await check(url)

    assert f"(turns {count})" in checked.result
    assert len(checked.problems) == min(MOST, count)


async def test_events_that_are_not_kept_any_more_are_no_gap_and_later_ones_are(url: str) -> None:
    async with open_store(url) as store, store.transaction() as connection:
        gone = "(SELECT min(cursor) FROM events WHERE type = 'invoice.partially_paid')"
        named = {"gone": (await connection.execute(text(f"SELECT {gone}"))).scalar_one()}
        chosen = "SELECT id FROM deliveries WHERE cursor = :gone"
        await connection.execute(text(f"DELETE FROM attempts WHERE delivery_id IN ({chosen})"), named)
        await connection.execute(text("DELETE FROM deliveries WHERE cursor = :gone"), named)
        await connection.execute(text("DELETE FROM events WHERE cursor = :gone"), named)
    assert {problem.what.partition(" (")[0] for problem in (await check(url)).problems} == {
        f"no event has cursor {named['gone']}",
        "between sequence 1",
    }
    async with open_store(url) as store, store.transaction() as connection:
        await connection.execute(text("INSERT INTO counters (name, value) VALUES ('events_gone', :gone)"), named)
    assert (await check(url)).problems == ()


async def test_a_purged_invoice_is_no_contradiction(url: str) -> None:
    async with open_store(url) as store, store.transaction() as connection:
        for invoice in (PAID, OPEN):
            key = (await connection.execute(text(f"SELECT {of(invoice)}"))).scalar_one()
            await purge_watch(connection, key)

    assert (await check(url)).problems == ()


async def test_a_damaged_file_is_named_before_anything_else(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    await load(REVISIONS[-1], f"sqlite:///{file}")
    with closing(connect(file)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET rootpage = 3 WHERE name = 'ix_events_watch'")
        connection.commit()

    with pytest.raises(StoreUnavailable, match=r"(?s)is damaged: .* Restore a backup"):
        await check(f"sqlite:///{file}")
