"""What an operator does by API or page: done in the database, noted in the audit trail, and the loops are woken."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime

import anyio.to_thread

from watcher.clock import Clock
from watcher.config.watchlists.lists import place_of
from watcher.core.errors import EditedInList, NotAllowed, NotFound, StillListed
from watcher.daemon import adding, wiring
from watcher.daemon.endpoint_test import audited_outcome, send_test
from watcher.daemon.service import Service
from watcher.ports import (
    AuditAction,
    AuditEntry,
    Caller,
    DesiredWatch,
    PastedWatches,
    TestResult,
    WatchEdit,
    WatchPreview,
)
from watcher.store import Redelivery, SqlAudit, SqlEndpoints, SqlWatches

ORIGIN = "api"
_LIST = "a list on the page"
"""What the audit trail calls it when no invoice of it was added."""


class OperatorActions:
    """`ports.Actions` on this service, in the name of one caller.

    Every method raises NotAllowed for a caller who may only read, and records that too.
    """

    def __init__(self, service: Service, clock: Clock, caller: Caller) -> None:
        self._service = service
        self._watches = SqlWatches(service.store)
        self._endpoints = SqlEndpoints(service.store)
        self._redelivery = Redelivery(service.store)
        self._audit = SqlAudit(service.store)
        self._clock = clock
        self._caller = caller

    async def add_watch(self, entry: DesiredWatch) -> bool:
        async with self._audited(AuditAction.WATCH_ADD, f"{entry.source} {entry.invoice_id}") as noted:
            added = await self._watches.add(entry, ORIGIN, self._clock.now(), audit_entry=noted)
        self._service.poller.wake()
        return added

    async def remove_watch(self, source: str, invoice_id: str) -> None:
        async with self._audited(AuditAction.WATCH_REMOVE, f"{source} {invoice_id}") as noted:
            try:
                await self._watches.remove(source, invoice_id, self._clock.now(), audit_entry=noted)
            except StillListed as refused:
                place = await self._line_of(refused.place, source, invoice_id)
                raise StillListed(source, invoice_id, place) from refused

    async def preview_watches(self, pasted: PastedWatches) -> WatchPreview:
        await self._allowed(AuditAction.WATCH_ADD, _LIST)
        return await adding.preview(self._watches, pasted, tuple(self._service.configuration.sources))

    async def add_watches(self, pasted: PastedWatches) -> WatchPreview:
        async with self._audited(AuditAction.WATCH_ADD, _LIST):
            sources = tuple(self._service.configuration.sources)
            added = await adding.add(self._watches, pasted, sources, self._clock.now(), self._caller.who)
        self._service.poller.wake()
        return added

    async def edit_watch(self, source: str, invoice_id: str, edit: WatchEdit) -> None:
        async with self._audited(AuditAction.WATCH_EDIT, f"{source} {invoice_id}") as noted:
            now = self._clock.now()
            try:
                await self._watches.edit(source, invoice_id, edit, adding.ORIGIN, now, audit_entry=noted)
            except EditedInList as refused:
                place = await self._line_of(refused.place, source, invoice_id)
                raise EditedInList(source, invoice_id, place) from refused
        self._service.poller.wake()

    async def _line_of(self, file: str, source: str, invoice_id: str) -> str:
        sources = tuple(self._service.configuration.sources)
        return await anyio.to_thread.run_sync(place_of, file, source, invoice_id, sources)

    async def request_poll(self, source: str, invoice_id: str) -> datetime:
        async with self._audited(AuditAction.WATCH_POLL, f"{source} {invoice_id}") as noted:
            poll_at = await self._watches.request_poll(source, invoice_id, self._clock.now(), audit_entry=noted)
        self._service.poller.wake()
        return poll_at

    async def enable_endpoint(self, name: str) -> None:
        async with self._audited(AuditAction.ENDPOINT_ENABLE, name) as noted:
            await self._endpoints.enable(name, self._clock.now(), audit_entry=noted)
        self._service.dispatcher.notify()

    async def disable_endpoint(self, name: str) -> None:
        async with self._audited(AuditAction.ENDPOINT_DISABLE, name) as noted:
            await self._endpoints.disable(name, "operator", self._clock.now(), audit_entry=noted)
        self._service.notify_events()

    async def test_endpoint(self, name: str) -> TestResult:
        async with self._audited(AuditAction.ENDPOINT_TEST, name) as noted:
            configuration = self._service.configuration
            endpoint = configuration.subscribers.get(name)
            if endpoint is None:
                raise NotFound(f"no endpoint {name}")
            result = await send_test(configuration, endpoint, ORIGIN)
        await self._audit.record(noted, self._clock.now(), audited_outcome(result))
        return result

    async def redeliver(self, delivery_id: str) -> None:
        subscriptions = wiring.subscriptions(self._service.configuration)
        async with self._audited(AuditAction.REDELIVER, delivery_id) as noted:
            await self._redelivery.redeliver_delivery(delivery_id, subscriptions, self._clock.now(), audit_entry=noted)
        self._service.dispatcher.notify()

    @asynccontextmanager
    async def _audited(self, action: AuditAction, target: str) -> AsyncGenerator[AuditEntry]:
        entry = await self._allowed(action, target)
        async with self._audit.refusals(entry, self._clock.now()):
            yield entry

    async def _allowed(self, action: AuditAction, target: str) -> AuditEntry:
        """The audit entry of an action. Raises NotAllowed for a caller who may only read, and records that."""
        entry = AuditEntry(self._caller.who, action, target)
        if not self._caller.may_operate:
            name = self._caller.who.partition(":")[2] or self._caller.who
            words = f"the token {name} may read and change nothing: {action.value} needs one with scope operate"
            await self._audit.refuse(entry, self._clock.now(), words)
            raise NotAllowed(words)
        return entry
