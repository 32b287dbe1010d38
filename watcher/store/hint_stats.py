"""What hints have brought, by source and event type."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import bindparam, case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.scheduling.hint_state import MISSED, HintTally
from watcher.ports import FoundBy, FoundChange, HintOutcome
from watcher.store.engine import upserting
from watcher.store.learned_tables import hint_counts, hint_stats


async def learn_hints(connection: AsyncConnection, changes: Iterable[FoundChange]) -> None:
    """Count changes of sources that take hints; in a fixed order, so that recorders never deadlock."""
    counts: Counter[tuple[str, str, bool]] = Counter(
        (one.source, one.event_type, one.found_by is FoundBy.HINT) for one in changes
    )
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for (source, event_type, is_hinted), count in counts.items():
        row = {"source": source, "event_type": event_type, "hinted": 0, "others": 0, "outages": 0}
        rows.setdefault((source, event_type), row)["hinted" if is_hinted else "others"] = count
    for row in rows.values():
        row["missed"] = 0 if row["hinted"] else row["others"]
    if rows:
        inserting = upserting(connection, hint_stats)
        new = inserting.excluded
        has_ended = (new.hinted > 0) & (hint_stats.c.missed >= MISSED)
        outage = case((has_ended, hint_stats.c.missed), else_=0)
        counted = {
            "hinted": hint_stats.c.hinted + new.hinted,
            "others": hint_stats.c.others + new.others - outage,
            "outages": hint_stats.c.outages + outage,
            "missed": case((new.hinted > 0, 0), else_=hint_stats.c.missed + new.others),
        }
        statement = inserting.on_conflict_do_update(index_elements=["source", "event_type"], set_=counted)
        await connection.execute(statement, [row for _, row in sorted(rows.items())])


async def count_hints(connection: AsyncConnection, counts: Mapping[tuple[str, HintOutcome], int]) -> None:
    """Add to what is known, by source and outcome."""
    rows = [
        {"source": source, "outcome": outcome.value, "hints": count}
        for (source, outcome), count in sorted(counts.items())
    ]
    if rows:
        inserting = upserting(connection, hint_counts)
        added = {"hints": hint_counts.c.hints + inserting.excluded.hints}
        statement = inserting.on_conflict_do_update(index_elements=["source", "outcome"], set_=added)
        await connection.execute(statement, rows)


async def hint_outcomes(connection: AsyncConnection, source: str) -> dict[str, int]:
    rows = await connection.execute(select(hint_counts).where(hint_counts.c.source == source))
    return {row.outcome: row.hints for row in rows}


async def hint_tallies(connection: AsyncConnection, source: str) -> tuple[HintTally, ...]:
    rows = await connection.execute(_TALLIES, {"of_source": source})
    return tuple(HintTally(row.event_type, row.hinted, row.others, row.missed, row.outages) for row in rows)


_TALLIES = select(hint_stats).where(hint_stats.c.source == bindparam("of_source")).order_by(hint_stats.c.event_type)
