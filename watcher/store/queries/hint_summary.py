"""How well hints work, for `sources`, `plan`, `explain`, the API and the page."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.scheduling.hint_state import hint_state
from watcher.ports import FoundBy, HintSummary, Item
from watcher.store.column_types import Instant, json_instant
from watcher.store.engine import Store
from watcher.store.hint_stats import hint_outcomes, hint_tallies
from watcher.store.tables import events, sources

_MEASURED_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class HintSummaries:
    store: Store

    async def of_all(self, now: datetime) -> dict[str, HintSummary]:
        """By source, of those that take hints."""
        taking = select(sources.c.name, sources.c.hinted_at).where(sources.c.configured, sources.c.takes_hints)
        async with self.store.reading() as connection:
            rows = (await connection.execute(taking)).all()
            return {row.name: await _summary(connection, row.name, row.hinted_at, now) for row in rows}


def hint_item(hints: HintSummary | None) -> Item | None:
    """As `--json` and the API show it; delays in seconds."""
    if hints is None:
        return None
    return {
        "state": hints.state.value,
        "last_at": json_instant(hints.last_at),
        "share": None if hints.share is None else round(hints.share, 3),
        "delay": _seconds(hints.delay),
        "other_delay": _seconds(hints.other_delay),
        "missing": list(hints.missing),
        "outcomes": dict(sorted(hints.outcomes.items())),
    }


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 3)


async def _summary(connection: AsyncConnection, source: str, last_at: datetime | None, now: datetime) -> HintSummary:
    tallies = await hint_tallies(connection, source)
    hinted, others = sum(one.hinted for one in tallies), sum(one.others + one.outages for one in tallies)
    delays = {"hint": (0, 0), "other": (0, 0)}
    for row in await connection.execute(_DELAYS, {"of_source": source, "since": now - _MEASURED_FOR}):
        kind = "hint" if row.found_by == FoundBy.HINT.value else "other"
        count, total = delays[kind]
        delays[kind] = count + row.changes, total + int(row.late)
    return HintSummary(
        state=hint_state(tallies),
        last_at=last_at,
        share=hinted / (hinted + others) if hinted + others else None,
        delay=_mean(*delays["hint"]),
        other_delay=_mean(*delays["other"]),
        outcomes=await hint_outcomes(connection, source),
        missing=tuple(one.event_type for one in tallies if one.has_stopped),
    )


def _mean(count: int, total_us: int) -> timedelta | None:
    return timedelta(microseconds=total_us / count) if count else None


_DELAYS = (
    select(events.c.found_by, func.count().label("changes"), func.sum(events.c.delay_us).label("late"))
    .where(
        events.c.source == bindparam("of_source"),
        events.c.timestamp >= bindparam("since", type_=Instant),
        events.c.delay_us.is_not(None),
    )
    .group_by(events.c.found_by)
)
