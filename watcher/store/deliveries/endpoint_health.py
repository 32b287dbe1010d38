"""The health of endpoints in their rows: read and written under lock, its events recorded in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, case, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.invoices.body import about_endpoint
from watcher.core.webhooks.endpoint_health import EndpointFact, Health
from watcher.ports import EventRecord, Form
from watcher.store.column_types import AnyRow, Instant, has_tag
from watcher.store.deliveries.events import EventInsert, write_events
from watcher.store.schema import RETRYING
from watcher.store.tables import deliveries, endpoints

_HEALTH = (
    select(
        endpoints.c.name,
        endpoints.c.disabled_reason,
        endpoints.c.failures,
        endpoints.c.failed_lane,
        endpoints.c.failing_since,
        endpoints.c.failed_at,
        endpoints.c.probe_at,
        endpoints.c.probes,
        endpoints.c.disabled_since,
    )
    .where(endpoints.c.name.in_(bindparam("names", expanding=True)))
    .order_by(endpoints.c.name)
    .with_for_update()
)


@dataclass(frozen=True, slots=True)
class HealthChange:
    """One endpoint's health before and after, at an instant of the database's clock."""

    endpoint: str
    before: Health
    after: Health
    at: datetime
    facts: tuple[EndpointFact, ...] = ()


async def read_health(connection: AsyncConnection, names: Sequence[str]) -> dict[str, Health]:
    """By name, locked until the transaction ends. The transaction has to begin with `lock_cursor`."""
    return {row.name: _health(row) for row in await connection.execute(_HEALTH, {"names": names})}


async def write_health_changes(connection: AsyncConnection, health_changes: Sequence[HealthChange]) -> None:
    """Write what changed, release the deliveries of endpoints that recovered, and record the events of both."""
    for health_change in health_changes:
        if health_change.after != health_change.before:
            await connection.execute(
                update(endpoints).where(endpoints.c.name == health_change.endpoint).values(_row(health_change.after))
            )
        if health_change.after.takes_all and not health_change.before.takes_all:
            await _catch_up(connection, health_change.endpoint, health_change.at)
    event_inserts = [
        await _event_insert(connection, health_change, fact)
        for health_change in health_changes
        for fact in health_change.facts
    ]
    if event_inserts:
        await write_events(connection, event_inserts)


async def _catch_up(connection: AsyncConnection, endpoint: str, now: datetime) -> None:
    """Everything that failed becomes due now.

    The order within lanes stays, and what has been due for longer goes first.
    """
    await connection.execute(
        update(deliveries)
        .where(RETRYING, deliveries.c.endpoint == endpoint, deliveries.c.next_attempt_at > now)
        .values(next_attempt_at=now, due_at=case((deliveries.c.due_at.is_(None), None), else_=literal(now, Instant())))
    )


async def _event_insert(connection: AsyncConnection, health_change: HealthChange, fact: EndpointFact) -> EventInsert:
    event_id, body = about_endpoint(
        fact.type, endpoint=health_change.endpoint, reason=fact.reason, since=fact.since, now=health_change.at
    )
    hearers = (
        select(endpoints.c.name, endpoints.c.cloud_events)
        .where(
            endpoints.c.configured,
            endpoints.c.name != health_change.endpoint,
            has_tag(endpoints.c.hears, fact.type.value),
        )
        .order_by(endpoints.c.name)
    )
    heard_by = (await connection.execute(hearers)).all()
    event = EventRecord(
        id=event_id,
        type=fact.type.value,
        sequence=None,
        source=None,
        timestamp=health_change.at,
        bodies={Form.FULL: body},
        deliveries=tuple((row.name, Form.CLOUDEVENTS_FULL if row.cloud_events else Form.FULL) for row in heard_by),
    )
    return EventInsert(event, None, health_change.at)


def _health(row: AnyRow) -> Health:
    return Health(
        disabled=row.disabled_reason,
        failures=row.failures,
        failed_lane=row.failed_lane,
        failing_since=row.failing_since,
        failed_at=row.failed_at,
        probe_at=row.probe_at,
        probes=row.probes,
        disabled_since=row.disabled_since,
    )


def _row(health: Health) -> dict[str, object]:
    return {
        "state": "active" if health.disabled is None else "disabled",
        "disabled_reason": health.disabled,
        "failures": health.failures,
        "failed_lane": health.failed_lane,
        "failing_since": health.failing_since,
        "failed_at": health.failed_at,
        "probe_at": health.probe_at,
        "probes": health.probes,
        "disabled_since": health.disabled_since,
    }
