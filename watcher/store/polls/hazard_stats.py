"""What the adaptive policy learns from polls, and the counts that it uses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.scheduling.allocation import Census, HazardGroup
from watcher.core.scheduling.hazard import DAY, STAGES, WITH_HINTS, Exposure, Tally
from watcher.core.scheduling.hint_state import HintState, hint_state
from watcher.core.scheduling.intervals import given_back
from watcher.store.column_types import AnyRow, AnySelect
from watcher.store.engine import Store
from watcher.store.hint_stats import hint_tallies
from watcher.store.learned_tables import hazards
from watcher.store.schema import OPEN
from watcher.store.tables import FULL_SHARE, sources, watches

_MILLISECOND = timedelta(milliseconds=1)
_PLACES = {name: stage for stage, name in enumerate(STAGES)}


@dataclass(frozen=True, slots=True)
class SqlHazardStats:
    """`ports.HazardStats`."""

    store: Store

    async def census(self, source: str, provider: str, now: datetime, *, weighted: bool) -> Census:
        async with self.store.reading() as connection:
            rows = (await connection.execute(OPEN_WATCHES[weighted], {"of_source": source})).all()
            row = (await connection.execute(_ACCOUNT, {"of_source": source})).one_or_none()
            hints = HintState.OFF
            if row is not None and row.takes_hints:
                hints = hint_state(await hint_tallies(connection, source))
            learned = provider + WITH_HINTS if hints is HintState.WORKING else provider
            tallies = _tallies(await connection.execute(_LEARNED, {"of_provider": learned}))
        counts = {HazardGroup(*hazard_group): int(count) for *hazard_group, count in rows}
        return Census(counts, tallies, 1.0 if row is None else share_at(row, now), hints)


def _open_watches(*, weighted: bool) -> AnySelect:
    """How many watches each hazard group has, from the index alone, however many there are."""
    columns: tuple[ColumnElement[Any], ...] = (watches.c.status, watches.c.due_hour)
    if weighted:
        columns = (*columns, watches.c.currency, watches.c.worth)
    counted: AnySelect = select(*columns, func.count().label("watches"))
    return counted.where(watches.c.source == bindparam("of_source"), OPEN).group_by(*columns)


OPEN_WATCHES = {weighted: _open_watches(weighted=weighted) for weighted in (False, True)}
_LEARNED = select(hazards).where(hazards.c.provider == bindparam("of_provider"))
_ACCOUNT = select(sources.c.share, sources.c.shrunk_at, sources.c.takes_hints).where(
    sources.c.name == bindparam("of_source")
)


def share_at(row: AnyRow, now: datetime) -> float:
    """The share of its requests that an account gets (`share`, `shrunk_at` of `sources`), 1 being all of them."""
    share = row.share / FULL_SHARE
    return share if row.shrunk_at is None else given_back(share, now - row.shrunk_at)


async def learn(connection: AsyncConnection, exposures: Iterable[Exposure]) -> None:
    """Add what polls have taught, in one statement; in a fixed order, so that recorders never deadlock."""
    sums: dict[tuple[str, str, str], tuple[int, timedelta]] = {}
    for one in exposures:
        key = (one.provider, one.status, STAGES[one.stage])
        events, time = sums.get(key, (0, timedelta(0)))
        sums[key] = (events + one.events, time + one.time)
    rows = [
        {"provider": provider, "status": status, "stage": stage, "events": events, "exposure_ms": time // _MILLISECOND}
        for (provider, status, stage), (events, time) in sorted(sums.items())
    ]
    if rows:
        await connection.execute(_ADDING[connection.dialect.name], rows)


def _adding(inserting: postgresql.Insert | sqlite.Insert) -> postgresql.Insert | sqlite.Insert:
    added = {
        "events": hazards.c.events + inserting.excluded.events,
        "exposure_ms": hazards.c.exposure_ms + inserting.excluded.exposure_ms,
    }
    return inserting.on_conflict_do_update(index_elements=["provider", "status", "stage"], set_=added)


_ADDING = {
    "sqlite": _adding(sqlite.insert(hazards)),
    "postgresql": _adding(postgresql.insert(hazards)),
}


def _tallies(rows: Iterable[AnyRow]) -> Mapping[str, Mapping[int, Tally]]:
    """By status and stage; stages with another version's names are ignored."""
    found: dict[str, dict[int, Tally]] = {}
    for row in rows:
        if row.stage in _PLACES:
            tally = Tally(row.events, row.exposure_ms * _MILLISECOND / DAY)
            found.setdefault(row.status, {})[_PLACES[row.stage]] = tally
    return found
