"""One of the replicas on a PostgreSQL database: it registers, beats, and takes over from those that are lost."""

import os
import socket
import time
from collections.abc import Callable
from hashlib import blake2b

import anyio
import structlog

import watcher
from watcher.clock import Clock
from watcher.config.settings import Configuration
from watcher.core.errors import Refused, SchemaMismatch, StoreUnavailable
from watcher.store import HEARTBEAT_EVERY, Identity, Notice, ReplicaLink, ReplicaState, SqlReplicas, Store

_JUDGING_SECONDS = 6
"""How long a replica must have beaten itself, without a gap, before it calls another one lost: while the database was
away, nobody beat.
"""
_GAP_SECONDS = 5
_DIFFERENT_BEATS = 3
"""How many heartbeats a difference lasts before it is reported: a changed file arrives at hosts one after the other."""
_LOCAL = {"path", "database", "log", "http"}
"""What may differ from host to host."""

_log = structlog.get_logger()


def default_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


def config_digest(configuration: Configuration) -> str:
    """A digest of what replicas should have in common; secrets count by name and never by value."""
    shared = configuration.model_dump_json(exclude=_LOCAL)
    return blake2b(shared.encode(), digest_size=8).hexdigest()


class Replica:
    """With SQLite, which has one `run` at a time, every method does nothing and `is_leader` is True."""

    def __init__(self, store: Store, name: str, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.store = self._store = store
        self.differing: tuple[str, ...] = ()
        self.outdated = anyio.Event()
        """Set when the database was upgraded to a schema that this program does not work with."""
        self.mismatch: SchemaMismatch | None = None
        self._clock = clock
        self._monotonic = monotonic
        self._identity = Identity(name, watcher.__version__, socket.gethostname(), os.getpid())
        self._replicas = SqlReplicas(store)
        self._link = ReplicaLink(store, name, self._hear)
        self._state = ReplicaState.ACTIVE
        self._wakers: dict[Notice, Callable[[], None]] = {}
        self._beating_since = self._beaten_at = monotonic()
        self._different_beats = 0
        self._trouble: str | None = None

    @property
    def name(self) -> str | None:
        """None where there are no replicas."""
        return None if self._store.is_sqlite else self._identity.name

    @property
    def is_leader(self) -> bool:
        """Whether this process does what one of all has to do. Without a link nobody knows, and each does it."""
        return self._store.is_sqlite or self._link.is_leader or not self._link.is_open

    def on(self, notice: Notice, wake: Callable[[], None]) -> None:
        """Call `wake` when another process sends this notice."""
        self._wakers[notice] = wake

    async def join(self, config: str) -> None:
        """Register, before anything is leased. Raises Refused if a living replica has the name."""
        if self._store.is_sqlite:
            return
        is_ours = await self._open_link()
        try:
            self._store.replica = await self._replicas.register(
                self._identity, config, self._clock.now(), linked=is_ours
            )
        except (Refused, StoreUnavailable):
            await self._link.close()
            raise

    async def run(self, config: Callable[[], str], on_heartbeat: Callable[[str], None]) -> None:
        """Beat until cancelled."""
        while not self._store.is_sqlite:
            on_heartbeat("replica")
            try:
                await self._replicas.require_usable_schema()
                await self._keep_link()
                await self._beat(config())
            except SchemaMismatch as error:
                if self.mismatch is None:
                    _log.error("replica.outdated", error=str(error), effect="finishes what is in progress and stops")
                    self.mismatch = error
                    self.outdated.set()
            except StoreUnavailable as error:
                self._report(str(error))
            except Refused as error:
                _log.error("replica.name_taken", name=self._identity.name, error=str(error))
            await self._clock.sleep(HEARTBEAT_EVERY)

    def drain(self) -> None:
        """From the next heartbeat on others see that this process is stopping."""
        self._state = ReplicaState.DRAINING

    async def leave(self) -> None:
        """Remove this process from the replicas. What it still holds is left to its leases."""
        if self._store.replica is None:
            return
        try:
            await self._replicas.leave(self._store.replica)
        except StoreUnavailable as error:
            _log.warning("replica.not_removed", error=str(error))
        await self._link.close()

    async def _open_link(self) -> bool:
        """Whether the lock of our name is ours now."""
        try:
            is_ours = await self._link.open()
        except StoreUnavailable as error:
            self._report(str(error))
            return False
        if is_ours and self._trouble is not None:
            _log.info("replica.linked", name=self._identity.name)
            self._trouble = None
        return is_ours

    async def _keep_link(self) -> None:
        if self._link.is_open or await self._open_link():
            await self._link.check()

    def _report(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.warning("replica.unlinked", error=trouble, effect="due work is found by a claim every second")
        self._trouble = trouble

    async def _beat(self, config: str) -> None:
        key, now = self._store.replica, self._clock.now()
        if key is None or not await self._replicas.beat(key, self._state, config, now):
            is_ours = self._link.is_open
            self._store.replica = key = await self._replicas.register(self._identity, config, now, linked=is_ours)
        at = self._monotonic()
        if at - self._beaten_at > _GAP_SECONDS:
            self._beating_since = at
        self._beaten_at = at
        if at - self._beating_since >= _JUDGING_SECONDS:
            for lost in await self._replicas.take_over_lost(key, now):
                _log.warning("replica.lost", name=lost.name, leases=lost.leases, effect="its work is due again")
                self._wake_all()
        await self._compare()

    async def _compare(self) -> None:
        differing = await self._replicas.differing(self._clock.now())
        self._different_beats = self._different_beats + 1 if differing else 0
        if differing and self._different_beats < _DIFFERENT_BEATS:
            return
        if differing and not self.differing:
            _log.warning("replicas.differ", names=list(differing), effect="each works by its own configuration")
        elif self.differing and not differing:
            _log.info("replicas.same")
        self.differing = differing

    def _hear(self, notice: Notice) -> None:
        if wake := self._wakers.get(notice):
            wake()

    def _wake_all(self) -> None:
        for wake in self._wakers.values():
            wake()
