"""Cursors and sequences: no event is missing, doubled, or before an earlier one."""

from collections.abc import AsyncIterator

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.invoices.event import EventType
from watcher.store.column_types import AnyRow
from watcher.store.maintenance.invariants.problem import Problem
from watcher.store.maintenance.invariants.ranges import ranges
from watcher.store.schema import EVENTS_GONE
from watcher.store.tables import counters, events, watches

_CURSORS = 50_000
_WATCHES = 2_000


async def counter(connection: AsyncConnection, name: str) -> int:
    return (await connection.execute(select(counters.c.value).where(counters.c.name == name))).scalar() or 0


async def cursors(connection: AsyncConnection) -> AsyncIterator[Problem]:
    """After those that are not kept any more, every cursor up to that of the counter has its event."""
    newest, gone = await counter(connection, "cursor"), await counter(connection, EVENTS_GONE)
    last = (await connection.execute(select(func.max(events.c.cursor)))).scalar() or 0
    if last > newest:
        yield Problem(f"the newest event has cursor {last}, and the counter stands at {newest}")
    for after in range(gone, max(newest, last), _CURSORS):
        until = min(after + _CURSORS, max(newest, last))
        there = (await connection.execute(_COUNT, {"after": after, "until": until})).scalar_one()
        if there == until - after:
            continue
        before = after
        for cursor in [*(await connection.execute(_THERE, {"after": after, "until": until})).scalars(), until + 1]:
            if cursor > before + 1:
                yield Problem(f"no event has {_named(before + 1, cursor - 1)}")
            before = cursor


def _named(first: int, last: int) -> str:
    return f"cursor {first}" if first == last else f"the cursors {first} to {last}"


async def sequences(connection: AsyncConnection) -> AsyncIterator[Problem]:
    """The events of an invoice count from 1 without gaps; where old ones are not kept, gaps can only be before them."""
    gone = await counter(connection, EVENTS_GONE)
    async for span in ranges(connection, watches.c.id, _WATCHES):
        for row in await connection.execute(_MISPLACED, span | {"gone": gone}):
            yield Problem(_misplaced(row), row.source, row.invoice_id, row.sequence)


def _misplaced(row: AnyRow) -> str:
    at = f"sequence {row.sequence} (cursor {row.cursor})"
    if row.before is None:
        return f"the history begins with {at}, not with 1"
    if row.sequence == row.before:
        return f"{at} is there twice (cursor {row.cursor_before})"
    if row.sequence < row.before:
        return f"{at} comes after sequence {row.before} (cursor {row.cursor_before})"
    return f"between sequence {row.before} (cursor {row.cursor_before}) and {at} events are missing"


async def kinds(connection: AsyncConnection) -> AsyncIterator[Problem]:
    """Every event has a type that exists; those about an invoice have a watch and a sequence, the others neither."""
    async for span in ranges(connection, events.c.cursor, _CURSORS):
        for row in await connection.execute(_STRANGE, span):
            about = f"the event with cursor {row.cursor} is {row.type!r}"
            if row.type not in _TYPES:
                yield Problem(f"{about}, a type that does not exist", row.source, row.invoice_id, row.sequence)
            elif row.type.startswith("invoice."):
                yield Problem(f"{about}, and has no invoice or no sequence")
            else:
                yield Problem(f"{about}, and has an invoice or a sequence", row.source, row.invoice_id, row.sequence)


_TYPES = frozenset(event_type.value for event_type in EventType)
_IN_RANGE = and_(events.c.cursor > bindparam("after"), events.c.cursor <= bindparam("until"))
_COUNT = select(func.count()).select_from(events).where(_IN_RANGE)
_THERE = select(events.c.cursor).where(_IN_RANGE).order_by(events.c.cursor)
_PLACED = (
    select(
        events.c.watch_id,
        events.c.cursor,
        events.c.sequence,
        func.lag(events.c.sequence).over(partition_by=events.c.watch_id, order_by=events.c.cursor).label("before"),
        func.lag(events.c.cursor).over(partition_by=events.c.watch_id, order_by=events.c.cursor).label("cursor_before"),
    )
    .where(events.c.watch_id > bindparam("after"), events.c.watch_id <= bindparam("until"))
    .subquery("placed")
)
_MISPLACED = (
    select(watches.c.source, watches.c.invoice_id, _PLACED)
    .join(watches, watches.c.id == _PLACED.c.watch_id)
    .where(
        or_(
            and_(_PLACED.c.before.is_(None), _PLACED.c.sequence - 1 > bindparam("gone")),
            and_(_PLACED.c.before.is_(None), _PLACED.c.sequence < 1),
            and_(
                _PLACED.c.sequence != _PLACED.c.before + 1,
                or_(_PLACED.c.cursor_before >= bindparam("gone"), _PLACED.c.sequence <= _PLACED.c.before),
            ),
        )
    )
    .order_by(_PLACED.c.cursor)
)
_ABOUT_INVOICE = events.c.type.like("invoice.%")
_STRANGE = (
    select(events.c.cursor, events.c.type, events.c.sequence, watches.c.source, watches.c.invoice_id)
    .outerjoin(watches, watches.c.id == events.c.watch_id)
    .where(
        _IN_RANGE,
        or_(
            events.c.type.not_in(sorted(_TYPES)),
            and_(_ABOUT_INVOICE, or_(watches.c.id.is_(None), events.c.sequence.is_(None))),
            and_(~_ABOUT_INVOICE, or_(events.c.watch_id.is_not(None), events.c.sequence.is_not(None))),
        ),
    )
    .order_by(events.c.cursor)
)
