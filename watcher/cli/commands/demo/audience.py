"""Which events have arrived: each life goes on as soon as those of its last step have."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import cast

import anyio

from watcher.core import json_text
from watcher.sandbox import Delivery
from watcher.sandbox.lives import Life


class Audience:
    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Counter[str]] = {}
        self.news = anyio.Event()
        """Set when the next delivery counts."""

    def saw(self, delivery: Delivery) -> None:
        """Count a delivery that verified and is no duplicate."""
        if not delivery.verified or delivery.duplicate:
            return
        body = cast("dict[str, dict[str, str]]", json_text.read(delivery.body))
        data = body["data"]
        key = (data.get("source", ""), data.get("invoice_id", ""))
        self._seen.setdefault(key, Counter())[delivery.type] += 1
        self.news.set()
        self.news = anyio.Event()

    async def until(self, life: Life, events: Iterable[str]) -> None:
        """Return once all of these have arrived for this life, each as often as it is named."""
        wanted = Counter(events)
        while not wanted <= self._seen_of(life):
            await self.news.wait()

    def missing(self, life: Life) -> Iterator[str]:
        """The events that were expected for this life and never arrived, in words."""
        for event, count in (Counter(life.expects) - self._seen_of(life)).items():
            yield f"{life.source_name} {life.id}: {event}{f' ({count} times)' if count > 1 else ''}"

    def _seen_of(self, life: Life) -> Counter[str]:
        return self._seen.get((life.source_name, life.id), Counter())
