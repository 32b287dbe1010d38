"""Long lists are written step by step, and remembered once the watches match them: whatever happens in between."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import fields
from random import Random

import anyio
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fakes import stored
from tests.fakes.stored import NOW
from watcher.core.errors import NotFound, Refused, StoreUnavailable
from watcher.ports import DesiredWatch, ListDigest, ListsApplied
from watcher.store import SqlWatches, Store, open_store
from watcher.store.tables import watches as table
from watcher.store.watches.desired import Texts, from_file, texts
from watcher.store.watches.write import STEP

IDS = tuple(f"inv_{number:05}" for number in range(2 * STEP + 1))
"""Three steps."""


def listed(*ids: str, tags: tuple[str, ...] = ()) -> list[DesiredWatch]:
    return [DesiredWatch("acme", one, tags, file="lists/a.csv", line=number) for number, one in enumerate(ids, 2)]


def mark(entries: Sequence[DesiredWatch], *warnings: str) -> ListDigest:
    return ListDigest(repr(hash(tuple(entries))), len(entries), warnings)


async def stored_states(store: Store) -> Texts:
    """What the rows say that lists want."""
    found: Texts = {}
    async with store.reading() as connection:
        query = select(table.c.source, table.c.invoice_id, table.c.listed).where(table.c.listed.is_not(None))
        for source, invoice_id, text in await connection.execute(query):
            found.setdefault(source, {})[invoice_id] = text
    return found


class SteppedStore(Store):
    """Something happens before each transaction that writes, which are counted from 1."""

    begun = 0

    @staticmethod
    async def before(number: int) -> None:
        del number

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncConnection]:
        self.begun += 1
        await self.before(self.begun)
        async with super().transaction() as connection:
            yield connection

    @classmethod
    def of(cls, store: Store, before: Callable[[int], Awaitable[None]]) -> "SteppedStore":
        found = cls(**{field.name: getattr(store, field.name) for field in fields(store)})
        vars(found)["before"] = before
        return found


async def test_lists_are_remembered_once_the_watches_match_them(store: Store) -> None:
    watches = await stored.watch(store)
    assert await watches.list_digest() is None
    first, second = listed("a", "b"), listed("b")
    await watches.apply_lists(first, NOW, confirmed=False, mark=mark(first, "a.csv:3: a warning"))
    assert await watches.list_digest() == mark(first, "a.csv:3: a warning")
    await watches.apply_lists(second, NOW, confirmed=False, mark=mark(second))
    assert await watches.list_digest() == mark(second)
    await watches.apply_lists(second, NOW, confirmed=False)
    assert await watches.list_digest() is None


async def test_a_list_that_is_held_back_is_not_remembered(store: Store) -> None:
    watches = await stored.watch(store)
    many = listed(*IDS[:20])
    await watches.apply_lists(many, NOW, confirmed=False, mark=mark(many))
    assert await watches.apply_lists([], NOW, confirmed=False, mark=mark([])) == ListsApplied(held=True)
    assert await watches.list_digest() == mark(many)


async def test_a_list_whose_lines_have_moved_is_written_nowhere(store: Store) -> None:
    watches = await stored.watch(store)
    await watches.apply_lists(listed("a", "b"), NOW, confirmed=False)
    before = await stored_states(store)
    assert await watches.apply_lists(listed("new", "a", "b"), NOW, confirmed=False) == ListsApplied(added=1)
    assert {one: text for one, text in (await stored_states(store))["acme"].items() if one != "new"} == before["acme"]


async def test_a_long_list_that_is_interrupted_is_not_remembered_and_taken_up_again(store: Store) -> None:
    async def goes_away(number: int) -> None:
        if number == 2:
            raise StoreUnavailable("the database is away")

    await stored.watch(store)
    entries = listed(*IDS)
    with pytest.raises(StoreUnavailable, match="is away"):
        await SqlWatches(SteppedStore.of(store, goes_away)).apply_lists(entries, NOW, confirmed=False, mark=mark([]))
    watches = SqlWatches(store)
    assert len((await stored_states(store))["acme"]) == STEP
    assert await watches.list_digest() is None
    assert (await watches.apply_lists(entries, NOW, confirmed=False, mark=mark(entries))).added == STEP + 1
    assert await watches.list_digest() == mark(entries)
    assert await stored_states(store) == texts(entries, from_file)


async def test_an_interrupted_change_of_what_was_remembered_is_forgotten(store: Store) -> None:
    async def goes_away(number: int) -> None:
        if number == 2:
            raise StoreUnavailable("the database is away")

    watches = await stored.watch(store)
    entries = listed(*IDS)
    await watches.apply_lists(entries, NOW, confirmed=False, mark=mark(entries))
    other = listed(*IDS, tags=("vip",))
    with pytest.raises(StoreUnavailable, match="is away"):
        await SqlWatches(SteppedStore.of(store, goes_away)).apply_lists(other, NOW, confirmed=False, mark=mark(other))
    assert await watches.list_digest() is None
    assert (await watches.apply_lists(entries, NOW, confirmed=False, mark=mark(entries))).changed == STEP
    assert await stored_states(store) == texts(entries, from_file)


async def test_what_is_watched_by_hand_between_two_steps_keeps_both_desired_states(store: Store) -> None:
    watches = await stored.watch(store)

    async def by_hand(number: int) -> None:
        if number == 2:
            await watches.add(DesiredWatch("acme", IDS[-1], ("mine",)), "cli", NOW)
            await watches.remove("acme", "gone", NOW)

    await watches.add(DesiredWatch("acme", "gone"), "cli", NOW)
    entries = listed(*IDS, "gone", tags=("file",))
    applied = await SqlWatches(SteppedStore.of(store, by_hand)).apply_lists(entries, NOW, confirmed=False)
    assert applied == ListsApplied(added=len(entries))
    async with store.reading() as connection:
        query = select(table.c.origins, table.c.tags).where(table.c.invoice_id.in_((IDS[-1], "gone")))
        rows = (await connection.execute(query.order_by(table.c.invoice_id))).all()
    assert [tuple(row) for row in rows] == [("file", ("file",)), ("file,cli", ("file", "mine"))]


async def test_remembered_lists_are_what_the_watches_say_whatever_is_done_by_hand(store: Store) -> None:
    watches = await stored.watch(store)
    rng = Random(11)  # noqa: S311 - the same every time
    known: dict[str, list[DesiredWatch]] = {}

    async def something(one: str) -> None:
        match rng.randrange(6):
            case 0:
                await watches.add(DesiredWatch("acme", one, ("mine",), note="by hand"), "cli", NOW)
            case 1:
                await watches.remove("acme", one, NOW)
            case 2:
                await watches.remove("acme", one, NOW, purge=True)
            case 3:
                await watches.discover("acme", [one], NOW)
            case 4:
                await watches.sync_sources((), NOW)
                await stored.watch(store)
            case _:
                entries = listed(*rng.sample(IDS[:30], rng.randrange(30)), tags=("vip",) * rng.randrange(2))
                known[mark(entries).digest] = entries
                await watches.apply_lists(entries, NOW, confirmed=rng.random() < 0.3, mark=mark(entries))

    for _ in range(200):
        with suppress(NotFound, Refused):
            await something(rng.choice(IDS[:30]))
        found = await watches.list_digest()
        expected = {} if found is None else texts(known[found.digest], from_file)
        assert await stored_states(store) == expected
    assert len(known) > 20


async def test_replicas_with_other_lists_apply_them_one_after_the_other(postgres_url: str) -> None:
    lists = [listed(*IDS, tags=(name,)) for name in ("one", "other")]

    async def apply(store: Store, entries: list[DesiredWatch]) -> None:
        await SqlWatches(store).apply_lists(entries, NOW, confirmed=False, mark=mark(entries))

    async with open_store(postgres_url) as one, open_store(postgres_url) as other:
        await stored.watch(one)
        async with anyio.create_task_group() as group:
            group.start_soon(apply, one, lists[0])
            group.start_soon(apply, other, lists[1])
        remembered = await SqlWatches(one).list_digest()
        (last,) = (entries for entries in lists if mark(entries) == remembered)
        assert await stored_states(one) == texts(last, from_file)


async def test_a_long_import_is_made_step_by_step_and_can_be_repeated(store: Store) -> None:
    steps: list[int] = []

    async def counted(number: int) -> None:
        steps.append(number)

    await stored.watch(store)
    entries = [DesiredWatch("acme", one, ("vip",)) for one in IDS]
    watches = SqlWatches(SteppedStore.of(store, counted))
    assert await watches.import_entries(entries, "cli", NOW) == len(IDS)
    assert len(steps) == 3
    assert await watches.import_entries(entries, "cli", NOW) == 0
    with pytest.raises(NotFound, match="elsewhere"):
        await watches.import_entries([DesiredWatch("acme", "new"), DesiredWatch("elsewhere", "new")], "cli", NOW)
    with pytest.raises(NotFound):
        await watches.remove("acme", "new", NOW)
