"""Which services of a notification have a message that others of it have not got yet."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select

from watcher.store.engine import Store, upserting
from watcher.store.notify_tables import reached

_CHUNK = 500
_OF_EVENTS = (
    reached.c.endpoint == bindparam("of"),
    reached.c.event_id.in_(bindparam("ids", expanding=True)),
)
_MARKS = select(reached.c.event_id, reached.c.mark).where(*_OF_EVENTS)
_FORGET = delete(reached).where(*_OF_EVENTS)


@dataclass(frozen=True, slots=True)
class SqlReached:
    """`ports.Reached`."""

    store: Store

    async def marks(self, endpoint: str, event_ids: Collection[str]) -> Mapping[str, frozenset[str]]:
        marks: dict[str, frozenset[str]] = {}
        async with self.store.reading() as connection:
            for ids in _chunks(event_ids):
                for row in await connection.execute(_MARKS, {"of": endpoint, "ids": ids}):
                    marks[row.event_id] = marks.get(row.event_id, frozenset()) | {row.mark}
        return marks

    async def add(self, endpoint: str, event_ids: Collection[str], mark: str, now: datetime) -> None:
        async with self.store.transaction() as connection:
            inserting = upserting(connection, reached).on_conflict_do_nothing()
            rows = [{"endpoint": endpoint, "event_id": event_id, "mark": mark, "at": now} for event_id in event_ids]
            await connection.execute(inserting, rows)

    async def forget(self, endpoint: str, event_ids: Collection[str]) -> None:
        async with self.store.transaction() as connection:
            for ids in _chunks(event_ids):
                await connection.execute(_FORGET, {"of": endpoint, "ids": ids})


def _chunks(event_ids: Collection[str]) -> list[list[str]]:
    ids = sorted(event_ids)
    return [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]
