"""What notifications need from the store."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from watcher.core.notifications.digest_schedule import DigestSchedule
from watcher.ports.deliveries import ClaimedDelivery, Receipt


class Reached(Protocol):
    """Which services of a notification have a message that others of it have not got yet.

    So a retry repeats nothing, also after a restart. A service is known by a `mark` made of its URL, which is a secret.
    """

    async def marks(self, endpoint: str, event_ids: Collection[str]) -> Mapping[str, frozenset[str]]:
        """The marks of those that have the event, by its id."""
        ...

    async def add(self, endpoint: str, event_ids: Collection[str], mark: str, now: datetime) -> None: ...

    async def forget(self, endpoint: str, event_ids: Collection[str]) -> None:
        """All services have them."""
        ...


class DigestOutbox(Protocol):
    async def claim_digest(
        self, endpoint: str, schedule: DigestSchedule, now: datetime, lease: timedelta
    ) -> tuple[ClaimedDelivery, ...]:
        """Lease all deliveries of a digest that is due, in the order of their events; nothing before its period ends.

        What came since the last claim gets the end of its period as the time of its attempt. The deliveries of an
        invoice are leased from its first one on, without gaps.
        """
        ...

    async def holds(self, deliveries: Sequence[ClaimedDelivery]) -> bool:
        """Whether all of them are still leased as they were claimed: nobody took over meanwhile."""
        ...


class DigestSender(Protocol):
    async def send_digest(self, endpoint: str, deliveries: Sequence[ClaimedDelivery]) -> Receipt:
        """Send one message about all of them. Never raises for errors of the services."""
        ...
