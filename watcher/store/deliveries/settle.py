"""Writes the results of attempts: one transaction for receipts, new states, pauses and the lanes that they free."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.clock import Random
from watcher.core.webhooks.endpoint_health import Answer, Health, after
from watcher.ports import DeliveryState, Outcome, Settlement
from watcher.store.column_types import AnyRow, Instant, microseconds
from watcher.store.deliveries.endpoint_health import HealthChange, read_health, write_health_changes
from watcher.store.deliveries.ordering import EGRESS, lock_cursor, realign
from watcher.store.engine import Store
from watcher.store.execute_many import execute_many
from watcher.store.tables import attempts, deliveries, endpoints

_CHUNK = 500

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


async def settle(store: Store, settlements: Sequence[Settlement], random: Random) -> frozenset[int]:
    """`ports.Outbox.settle`."""
    health_changes: Sequence[HealthChange] = ()
    async with store.transaction() as connection:
        await lock_cursor(connection)
        held = await _held(connection, [settlement.key for settlement in settlements])
        known = [settlement for settlement in settlements if settlement.key in held]
        kept = [settlement for settlement in known if held[settlement.key].lease == settlement.lease]
        await _keep_attempts(connection, known)
        if kept:
            values = [_values(settlement, held[settlement.key], store.shift) for settlement in kept]
            await _write(connection, values)
            lanes = [held[settlement.key].watch_id for settlement in kept]
            await realign(connection, (lane for lane in lanes if lane is not None))
            health_changes = await _health_changes(connection, kept, held, store.shift, random)
            await write_health_changes(connection, health_changes)
        await _pause(connection, known, held, store.shift)
    for health_change in health_changes:
        _report(health_change)
    return frozenset(settlement.key for settlement in settlements) - {settlement.key for settlement in kept}


async def _held(connection: AsyncConnection, keys: Sequence[int]) -> dict[int, AnyRow]:
    held: dict[int, AnyRow] = {}
    for start in range(0, len(keys), _CHUNK):
        held |= {row.id: row for row in await connection.execute(_HELD, {"keys": keys[start : start + _CHUNK]})}
    return held


_HELD = (
    select(
        deliveries.c.id,
        deliveries.c.lease,
        deliveries.c.watch_id,
        deliveries.c.endpoint,
        deliveries.c.holds_lane,
        deliveries.c.overtaken,
    )
    .where(deliveries.c.id.in_(bindparam("keys", expanding=True)))
    .order_by(deliveries.c.id)
    .with_for_update()
)


async def _keep_attempts(connection: AsyncConnection, settlements: Sequence[Settlement]) -> None:
    """Attempts are numbered as they were made; a probe gets a number although the schedule does not count it."""
    if settlements:
        await execute_many(connection, _ATTEMPTS, [_attempt_row(settlement) for settlement in settlements])


_NUMBER = (
    select(func.coalesce(func.max(attempts.c.number), 0) + 1)
    .where(attempts.c.delivery_id == bindparam("delivery"))
    .scalar_subquery()
)
_ATTEMPTS = insert(attempts).values(delivery_id=bindparam("delivery"), number=_NUMBER)


def _attempt_row(settlement: Settlement) -> dict[str, Any]:
    receipt = settlement.receipt
    return {
        "delivery": settlement.key,
        "outcome": receipt.outcome.value,
        "started_at": receipt.started_at,
        "duration_us": microseconds(receipt.duration),
        "status": receipt.status,
        "error": receipt.error,
        "response": receipt.response,
        "peer": receipt.peer,
    }


async def _write(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """One statement for all deliveries that get the same values: most have arrived at the first attempt."""
    keys_of: dict[tuple[Any, ...], list[int]] = {}
    values_of: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in rows:
        values = tuple(row.values())[1:]
        keys_of.setdefault(values, []).append(row["key"])
        values_of[values] = row
    different = [values_of[values] for values, keys in keys_of.items() if len(keys) == 1]
    if different:
        await execute_many(connection, _SETTLE, different)
    for values, keys in keys_of.items():
        if len(keys) > 1:
            await connection.execute(_SETTLE_ALIKE, {**values_of[values], "keys": keys})


_SETTLED = update(deliveries).values(lease=deliveries.c.lease + 1, lease_ends_at=None, overtaken=False)
_SETTLE = _SETTLED.where(deliveries.c.id == bindparam("key"))
_SETTLE_ALIKE = _SETTLED.where(deliveries.c.id.in_(bindparam("keys", expanding=True)))


def _values(settlement: Settlement, held: AnyRow, shift: timedelta) -> dict[str, Any]:
    """A delivery that others could pass once holds back nothing again: the others may have arrived already."""
    receipt = settlement.receipt
    waits = settlement.state in {DeliveryState.PENDING, DeliveryState.PARKED}
    state = DeliveryState.SUPERSEDED if waits and held.overtaken else settlement.state
    pending, parked = state is DeliveryState.PENDING, state is DeliveryState.PARKED
    next_at = (settlement.next_attempt_at or receipt.started_at + receipt.duration) - shift if pending else None
    return {
        "key": settlement.key,
        "state": state.value,
        "parked_reason": (EGRESS if receipt.outcome is Outcome.BLOCKED else "refused") if parked else None,
        "holds_lane": held.holds_lane and settlement.holds_lane,
        "attempts": settlement.attempts,
        "tried": settlement.attempts > 0,
        "next_attempt_at": next_at,
        "due_at": next_at,
        "last_status": receipt.status,
        "last_error": receipt.error,
    }


_ANSWERS = {
    Outcome.DELIVERED: Answer.ACCEPTED,
    Outcome.RETRY: Answer.FAILED,
    Outcome.REJECTED: Answer.FAILED,
    Outcome.GONE: Answer.GONE,
}
"""Outcomes that say something about the endpoint; the others are about this machine."""


_WELL = Health()


async def _health_changes(
    connection: AsyncConnection,
    settlements: Sequence[Settlement],
    held: Mapping[int, AnyRow],
    shift: timedelta,
    random: Random,
) -> Sequence[HealthChange]:
    """The health of each endpoint that these receipts say something about, in the order in which they came in."""
    known = await read_health(connection, sorted({row.endpoint for row in held.values()}))
    well = {endpoint for endpoint, health in known.items() if health == _WELL}
    health_changes: dict[str, HealthChange] = {}
    for settlement in settlements:
        row, receipt = held[settlement.key], settlement.receipt
        if receipt.outcome is Outcome.DELIVERED and row.endpoint in well:
            continue
        answer = _ANSWERS.get(receipt.outcome)
        if answer is None or row.endpoint not in known:
            continue
        health_change = health_changes.get(row.endpoint)
        before = known[row.endpoint] if health_change is None else health_change.after
        at = receipt.started_at + receipt.duration - shift
        health_change = health_change or HealthChange(row.endpoint, before, before, at)
        lane = -settlement.key if row.watch_id is None else row.watch_id
        jitter = random() if answer is Answer.FAILED else 0.0
        health, fact = after(before, answer, lane=lane, at=at, probe=settlement.probe, jitter=jitter)
        (well.add if health == _WELL else well.discard)(row.endpoint)
        health_changes[row.endpoint] = replace(
            health_change, after=health, at=at, facts=health_change.facts + ((fact,) if fact else ())
        )
    return tuple(health_changes.values())


def _report(health_change: HealthChange) -> None:
    before, health = health_change.before, health_change.after
    if health.disabled is not None and before.disabled is None:
        _log.error("endpoint.disabled", endpoint=health_change.endpoint, reason=health.disabled)
    elif before.takes_all and not health.takes_all:
        _log.warning(
            "endpoint.failed", endpoint=health_change.endpoint, failures=health.failures, effect="only probes are sent"
        )
    elif health.takes_all and not before.takes_all:
        _log.info("endpoint.recovered", endpoint=health_change.endpoint)


async def _pause(
    connection: AsyncConnection, settlements: Sequence[Settlement], held: Mapping[int, AnyRow], shift: timedelta
) -> None:
    pauses: dict[str, datetime] = {}
    for settlement in settlements:
        if settlement.pause_endpoint_until is not None:
            endpoint, until = held[settlement.key].endpoint, settlement.pause_endpoint_until - shift
            pauses[endpoint] = max(until, pauses.get(endpoint, until))
    if pauses:
        await connection.execute(_PAUSE, [{"key": name, "until": until} for name, until in sorted(pauses.items())])


_until = bindparam("until", type_=Instant)
_PAUSE = (
    update(endpoints)
    .where(
        endpoints.c.name == bindparam("key"),
        or_(endpoints.c.paused_until.is_(None), endpoints.c.paused_until < _until),
    )
    .values(paused_until=_until)
)
