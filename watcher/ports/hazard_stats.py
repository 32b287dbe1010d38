"""What the adaptive policy needs from the store."""

from datetime import datetime
from typing import Protocol

from watcher.core.scheduling.allocation import Census


class HazardStats(Protocol):
    async def census(self, source: str, provider: str, now: datetime, *, weighted: bool) -> Census:
        """What is open at a source, and what was learned about its provider's invoices.

        Invoices that were never polled are not counted. Currencies and value classes are only given if `weighted`.
        """
        ...
