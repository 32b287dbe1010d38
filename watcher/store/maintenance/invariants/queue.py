"""Deliveries: each belongs to its event, and each that waits will be sent, in its turn."""

from collections.abc import AsyncIterator

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import DeliveryState, Form
from watcher.store.column_types import AnyRow
from watcher.store.deliveries.ordering import rightly_due_at
from watcher.store.maintenance.invariants.problem import Problem
from watcher.store.maintenance.invariants.ranges import ranges
from watcher.store.schema import DELIVERY_PREFIX
from watcher.store.tables import attempts, deliveries, events, watches

_DELIVERIES = 50_000
_FORMS = [form.value for form in Form]
_STATES = [state.value for state in DeliveryState]
_WAITING = [state.value for state in (DeliveryState.PENDING, DeliveryState.DELIVERING, DeliveryState.PARKED)]
_ENDED = [state for state in _STATES if state not in _WAITING]


async def belonging(connection: AsyncConnection) -> AsyncIterator[Problem]:
    """A delivery has an event, and says of it what the event itself says; an attempt has a delivery."""
    async for span in ranges(connection, deliveries.c.id, _DELIVERIES):
        for row in await connection.execute(_STRANGE, span):
            yield _of(row, _strange(row))
    async for span in ranges(connection, attempts.c.id, _DELIVERIES):
        for row in await connection.execute(_LOST_ATTEMPTS, span):
            yield Problem(f"attempt {row.number} belongs to {DELIVERY_PREFIX}{row.delivery_id}, which does not exist")


def _strange(row: AnyRow) -> str:
    if row.type is None:
        return f"belongs to an event (cursor {row.cursor}) that does not exist"
    if row.event_type != row.type:
        return f"is one of {row.event_type!r}, and its event is {row.type!r}"
    if row.watch_id != row.event_watch_id:
        return "belongs to another invoice than its event"
    if row.form not in _FORMS or row.state not in _STATES:
        return f"has the form {row.form!r} and the state {row.state!r}, and one of them does not exist"
    return f"waits, and the body that it sends ({row.form}) is not there"


async def turns(connection: AsyncConnection) -> AsyncIterator[Problem]:
    """Only the first delivery of an invoice to an endpoint is due, and it is; what has ended is not."""
    async for span in ranges(connection, deliveries.c.id, _DELIVERIES):
        for row in await connection.execute(_OUT_OF_TURN, span):
            if row.state in _ENDED:
                yield _of(row, f"is {row.state}, and would be sent again")
            elif row.due_at is None:
                yield _of(row, "waits for nothing, and would never be sent")
            else:
                yield _of(row, "is due at another time than its place in the order of its invoice allows")


def _of(row: AnyRow, what: str) -> Problem:
    about = f"{DELIVERY_PREFIX}{row.id} to {row.endpoint} {what}"
    return Problem(about, row.source, row.invoice_id, row.sequence)


_IN_RANGE = and_(deliveries.c.id > bindparam("after"), deliveries.c.id <= bindparam("until"))
_ROW = (
    select(
        deliveries.c.id,
        deliveries.c.endpoint,
        deliveries.c.cursor,
        deliveries.c.event_type,
        deliveries.c.watch_id,
        deliveries.c.form,
        deliveries.c.state,
        deliveries.c.due_at,
        events.c.type,
        events.c.sequence,
        events.c.watch_id.label("event_watch_id"),
        watches.c.source,
        watches.c.invoice_id,
    )
    .outerjoin(events, events.c.cursor == deliveries.c.cursor)
    .outerjoin(watches, watches.c.id == events.c.watch_id)
    .where(_IN_RANGE)
    .order_by(deliveries.c.id)
)
_WITHOUT_BODY = or_(
    *(
        and_(deliveries.c.form.in_([one.value for one in Form if one.stored is form]), events.c[form.value].is_(None))
        for form in (Form.FULL, Form.THIN, Form.TRUNCATED)
    )
)
_STRANGE = _ROW.where(
    or_(
        events.c.cursor.is_(None),
        deliveries.c.event_type != events.c.type,
        deliveries.c.watch_id.is_distinct_from(events.c.watch_id),
        deliveries.c.form.not_in(_FORMS),
        deliveries.c.state.not_in(_STATES),
        and_(deliveries.c.state.in_(_WAITING), _WITHOUT_BODY),
    )
)
_OUT_OF_TURN = _ROW.where(
    or_(
        and_(deliveries.c.state.in_(_ENDED), deliveries.c.due_at.is_not(None)),
        and_(
            deliveries.c.state == DeliveryState.PENDING.value,
            deliveries.c.due_at.is_distinct_from(rightly_due_at()),
        ),
    )
)
_LOST_ATTEMPTS = (
    select(attempts.c.delivery_id, attempts.c.number)
    .outerjoin(deliveries, deliveries.c.id == attempts.c.delivery_id)
    .where(attempts.c.id > bindparam("after"), attempts.c.id <= bindparam("until"), deliveries.c.id.is_(None))
)
