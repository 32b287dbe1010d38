"""The endpoints as the store knows them, and the waiting deliveries of endpoints that were removed or came back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.errors import NotFound
from watcher.core.invoices.event import EventType
from watcher.core.webhooks import endpoint_health
from watcher.core.webhooks.endpoint_health import Health
from watcher.core.webhooks.subscription import Subscription
from watcher.ports import AuditEntry, DeliveryState
from watcher.store.audit import write_audit
from watcher.store.column_types import Instant
from watcher.store.deliveries.endpoint_health import HealthChange, read_health, write_health_changes
from watcher.store.deliveries.ordering import EGRESS, REMOVED, lock_cursor, realign_where
from watcher.store.engine import Store, upserting
from watcher.store.notifications import Notice, notify
from watcher.store.schema import WAITING
from watcher.store.tables import deliveries, endpoints

_HEARD = (EventType.ENDPOINT_DISABLED, EventType.ENDPOINT_RECOVERED)


@dataclass(frozen=True, slots=True)
class SqlEndpoints:
    """Enables and disables endpoints by hand. A running service notices it at its next claim."""

    store: Store

    async def enable(self, name: str, now: datetime, *, audit_entry: AuditEntry | None = None) -> bool:
        """Send everything that waits, in order per invoice and at the endpoint's rate.

        This also ends a pause and a breaker. False if nothing held it back. Raises NotFound.
        """
        async with self.store.transaction() as connection:
            here, before = await self._begin(connection, name, now)
            after = endpoint_health.enable(before)
            await write_health_changes(connection, [HealthChange(name, before, after, here)])
            unpausing = update(endpoints).where(endpoints.c.name == name, endpoints.c.paused_until > here)
            unpaused = (await connection.execute(unpausing.values(paused_until=None))).rowcount
            await write_audit(connection, audit_entry, here)
            await notify(connection, Notice.DELIVERIES)
        return unpaused > 0 or not before.takes_all

    async def disable(self, name: str, reason: str, now: datetime, *, audit_entry: AuditEntry | None = None) -> bool:
        """Send nothing to it until it is enabled, and record `endpoint.disabled` for the others. Its deliveries wait.

        False if it was disabled already. Raises NotFound.
        """
        async with self.store.transaction() as connection:
            here, before = await self._begin(connection, name, now)
            after, fact = endpoint_health.disable(before, reason, here)
            await write_health_changes(connection, [HealthChange(name, before, after, here, (fact,) if fact else ())])
            await write_audit(connection, audit_entry, here)
        return fact is not None

    async def _begin(self, connection: AsyncConnection, name: str, now: datetime) -> tuple[datetime, Health]:
        await lock_cursor(connection)
        here = await self.store.now(connection, now)
        known = await read_health(connection, [name])
        if name not in known:
            raise NotFound(f"no endpoint {name}")
        return here, known[name]


async def sync_endpoints(
    store: Store, configured: Mapping[str, str], now: datetime, subscriptions: Sequence[Subscription]
) -> None:
    """`ports.Outbox.sync_endpoints`. A disabled endpoint stays disabled."""
    hears = {one.endpoint: tuple(kind.value for kind in _HEARD if one.wants(kind, tags=())) for one in subscriptions}
    cloud_events = {one.endpoint for one in subscriptions if one.cloud_events}
    async with store.transaction() as connection:
        await lock_cursor(connection)
        here = await store.now(connection, now)
        gone = endpoints.c.name.not_in(tuple(configured))
        await connection.execute(update(endpoints).where(gone).values(configured=False))
        if configured:
            inserting = upserting(connection, endpoints)
            known = inserting.on_conflict_do_update(
                index_elements=["name"],
                set_={
                    "url": inserting.excluded.url,
                    "hears": inserting.excluded.hears,
                    "cloud_events": inserting.excluded.cloud_events,
                    "configured": True,
                },
            )
            rows = [
                {
                    "name": name,
                    "url": url,
                    "hears": hears.get(name, ()),
                    "cloud_events": name in cloud_events,
                    "configured": True,
                }
                for name, url in sorted(configured.items())
            ]
            await connection.execute(known, rows)
        await _park_removed(connection)
        await _resume(connection, here)


async def _park_removed(connection: AsyncConnection) -> None:
    """Park what waits for endpoints that are not configured, including those that never were."""
    known = select(endpoints.c.name).where(endpoints.c.configured)
    await connection.execute(
        update(deliveries)
        .where(WAITING, deliveries.c.state == DeliveryState.PENDING.value, deliveries.c.endpoint.not_in(known))
        .values(state=DeliveryState.PARKED.value, parked_reason=REMOVED, due_at=None)
    )


async def _resume(connection: AsyncConnection, now: datetime) -> None:
    known = select(endpoints.c.name).where(endpoints.c.configured)
    resumed = await connection.execute(
        update(deliveries)
        .where(
            WAITING,
            deliveries.c.state == DeliveryState.PARKED.value,
            deliveries.c.parked_reason.in_((REMOVED, EGRESS)),
            deliveries.c.endpoint.in_(known),
        )
        .values(
            state=DeliveryState.PENDING.value,
            parked_reason=None,
            next_attempt_at=func.coalesce(deliveries.c.next_attempt_at, literal(now, Instant())),
        )
        .returning(deliveries.c.endpoint)
    )
    names = set(resumed.scalars())
    if names:
        await realign_where(connection, deliveries.c.endpoint.in_(names))
