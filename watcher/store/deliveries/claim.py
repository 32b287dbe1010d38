"""Leases due deliveries: one statement for all endpoints that may claim the same number.

Statements are built once: SQLAlchemy takes longer to build them than SQLite to run them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from watcher.ports import DeliveryState
from watcher.store.column_types import AnyRow, Instant
from watcher.store.tables import deliveries, endpoints

HERE = bindparam("here", type_=Instant)
"""The present instant of this database."""
NAMED = endpoints.c.name.in_(bindparam("names", expanding=True))
_ENDS_AT = bindparam("ends_at", type_=Instant)

_TAKEN = (
    deliveries.c.id,
    deliveries.c.lease,
    deliveries.c.endpoint,
    deliveries.c.watch_id,
    deliveries.c.cursor,
    deliveries.c.event_type,
    deliveries.c.attempts,
    deliveries.c.tried,
    deliveries.c.next_attempt_at,
    deliveries.c.overtaken,
)


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """From when to when a lease lasts, by the database's clock, and which replica holds it."""

    now: datetime
    ends_at: datetime
    holder: int | None


async def lease_due(
    connection: AsyncConnection,
    ready: Sequence[AnyRow],
    wanted: Mapping[str, int],
    terms: LeaseTerms,
) -> list[AnyRow]:
    """Lease first attempts, then retries in the remaining room.

    Endpoints with an open breaker get one delivery, as a probe. `ready` has the endpoints that may be sent to, with the
    time of their earliest due delivery (`outbox`).
    """
    healthy = [row for row in ready if row.probe_at is None]
    taken: list[AnyRow] = []
    for tried in (False, True):
        filled = Counter(row.endpoint for row in taken)
        due = [row.name for row in healthy if _is_due(row.retry_at if tried else row.first_at, terms.now)]
        taken += await _lease(connection, {name: wanted[name] - filled[name] for name in due}, terms, tried=tried)
    for row in ready:
        if row.probe_at is not None and wanted[row.name]:
            taken += await _probe(connection, row, terms)
    return taken


async def _probe(connection: AsyncConnection, endpoint: AnyRow, terms: LeaseTerms) -> list[AnyRow]:
    """The delivery that has been due for longest."""
    # Before the delivery, so that only one of several replicas probes; again when the lease of this probe ends
    # unanswered.
    values = {"endpoint": endpoint.name, "here": terms.now, "ends_at": terms.ends_at}
    if (await connection.execute(_TAKE_PROBE, values)).rowcount == 0:
        return []
    retry_is_older = endpoint.first_at is None or (
        endpoint.retry_at is not None and endpoint.retry_at < endpoint.first_at
    )
    for tried in (retry_is_older, not retry_is_older):
        if taken := await _lease(connection, {endpoint.name: 1}, terms, tried=tried):
            return taken
    return []


async def _lease(
    connection: AsyncConnection,
    room: Mapping[str, int],
    terms: LeaseTerms,
    *,
    tried: bool,
) -> list[AnyRow]:
    by_room: dict[int, list[str]] = {}
    for name, most in room.items():
        if most > 0:
            by_room.setdefault(most, []).append(name)
    taken: list[AnyRow] = []
    for most, names in by_room.items():
        values = {"names": names, "most": most, "here": terms.now, "ends_at": terms.ends_at, "holder": terms.holder}
        taking = _LEASES[connection.dialect.name == "sqlite", tried]
        taken += (await connection.execute(taking, values)).all()
    return taken


def _leasing(*, is_sqlite: bool, tried: bool) -> ReturningUpdate[*tuple[Any, ...]]:
    # A CTE with row locks is evaluated once; a plain sub-select may be evaluated again, beyond its LIMIT.
    keys = _due(is_sqlite=is_sqlite, tried=tried).cte("chosen")
    return (
        update(deliveries)
        .where(deliveries.c.id.in_(select(keys.c.id)))
        .values(
            state=DeliveryState.DELIVERING.value,
            lease=deliveries.c.lease + 1,
            lease_ends_at=_ENDS_AT,
            due_at=_ENDS_AT,
            holder=bindparam("holder", type_=BigInteger),
        )
        .returning(*_TAKEN)
    )


def _due(*, is_sqlite: bool, tried: bool) -> Select[tuple[int]]:
    """The keys of deliveries to send, at most `most` of each endpoint, longest due first."""
    waiting = deliveries.alias("waiting")
    of_one = (
        select(waiting.c.id)
        .where(waiting.c.endpoint == endpoints.c.name, waiting.c.tried == tried, waiting.c.due_at <= HERE)
        .order_by(waiting.c.due_at, waiting.c.id)
        .limit(bindparam("most", type_=BigInteger))
        .with_for_update(skip_locked=True)
        .correlate(endpoints)
    )
    if is_sqlite:  # it has no LATERAL, and evaluates this once for each endpoint
        return select(deliveries.c.id).select_from(endpoints).join(deliveries, deliveries.c.id.in_(of_one)).where(NAMED)
    each = of_one.lateral("each_endpoint")
    return select(each.c.id).select_from(endpoints).join(each, true()).where(NAMED)


_LEASES = {
    (is_sqlite, tried): _leasing(is_sqlite=is_sqlite, tried=tried)
    for is_sqlite in (False, True)
    for tried in (False, True)
}
_TAKE_PROBE = (
    update(endpoints)
    .where(endpoints.c.name == bindparam("endpoint"), endpoints.c.probe_at <= HERE)
    .values(probe_at=_ENDS_AT)
)


def _is_due(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now
