"""Watches and who wants them, on both databases."""

from datetime import date
from time import process_time

import pytest

from tests.fakes import stored
from tests.fakes.stored import MINUTE, NOW, event
from watcher.core.errors import NotFound, Refused
from watcher.ports import DesiredWatch, ListsApplied, SourceRow
from watcher.store import Reports, SqlPollQueue, SqlWatches, Store


def listed(*ids: str, tags: tuple[str, ...] = (), file: str = "lists/a.toml", line: int = 3) -> list[DesiredWatch]:
    return [DesiredWatch("acme", one, tags, file=file, line=line) for one in ids]


async def watched(store: Store) -> dict[object, object]:
    return {row["invoice_id"]: row["origins"] for row in await Reports(store).watch_list()}


async def settled(store: Store) -> None:
    """Let everything due be polled, so that nothing is due any more."""
    claimed = await stored.claim(store)
    await SqlPollQueue(store).record([stored.polled(one) for one in claimed], {})


async def test_lists_are_the_truth_for_what_they_list(store: Store) -> None:
    watches = await stored.watch(store)
    assert await watches.apply_lists(listed("a", "b"), NOW, confirmed=False) == ListsApplied(added=2)
    assert await watches.apply_lists(listed("a", "b"), NOW, confirmed=False) == ListsApplied()
    assert await watches.apply_lists(listed("b", "c"), NOW, confirmed=False) == ListsApplied(added=1, removed=1)
    assert await watched(store) == {"b": ["file"], "c": ["file"]}
    assert [one.invoice_id for one in await stored.claim(store)] == ["b", "c"]


async def test_only_other_tags_or_due_dates_make_a_listed_watch_due(store: Store) -> None:
    watches = await stored.watch(store)
    await watches.apply_lists(listed("a", "b", "c"), NOW, confirmed=False)
    await settled(store)
    moved = [
        *listed("a", line=9),
        listed("b")[0]._replace(due_on=date(2026, 12, 1)),
        *listed("c", tags=("vip",)),
    ]
    assert await watches.apply_lists(moved, NOW, confirmed=False) == ListsApplied(changed=2)
    assert [(one.invoice_id, one.due_on, one.tags) for one in await stored.claim(store)] == [
        ("b", date(2026, 12, 1), ()),
        ("c", None, ("vip",)),
    ]


async def test_stopping_more_than_half_and_more_than_ten_needs_confirmation(store: Store) -> None:
    watches = await stored.watch(store)
    many = [f"inv_{number}" for number in range(20)]
    await watches.apply_lists(listed(*many), NOW, confirmed=False)
    assert await watches.apply_lists(listed("new", *many[:9]), NOW, confirmed=False) == ListsApplied(held=True)
    assert len(await watched(store)) == 20
    assert await watches.apply_lists(listed(*many[:10]), NOW, confirmed=False) == ListsApplied(removed=10)
    assert await watches.apply_lists([], NOW, confirmed=True) == ListsApplied(removed=10)
    assert await watched(store) == {}


async def test_a_watch_with_both_origins_stops_when_the_last_is_gone(store: Store) -> None:
    watches = await stored.watch(store)
    await watches.apply_lists(listed("a", tags=("file",)), NOW, confirmed=False)
    assert await watches.add(DesiredWatch("acme", "a", ("mine",), note="asked by Ada"), "cli", NOW) is False
    (row,) = await Reports(store).watch_list()
    assert (row["origins"], row["tags"], row["note"]) == (["file", "cli"], ["file", "mine"], "asked by Ada")
    await watches.apply_lists([], NOW, confirmed=False)
    assert await watched(store) == {"a": ["cli"]}
    await watches.remove("acme", "a", NOW)
    assert await watched(store) == {}


async def test_what_only_a_file_lists_is_removed_there(store: Store) -> None:
    watches = await stored.watch(store)
    await watches.apply_lists(listed("a"), NOW, confirmed=False)
    with pytest.raises(Refused, match=r"listed in lists/a\.toml: remove it there"):
        await watches.remove("acme", "a", NOW)
    await watches.add(DesiredWatch("acme", "a"), "cli", NOW)
    with pytest.raises(Refused, match=r"listed in lists/a\.toml: remove it there"):
        await watches.remove("acme", "a", NOW, purge=True)
    await watches.remove("acme", "a", NOW)
    assert await watched(store) == {"a": ["file"]}


async def test_unknown_watches_and_sources_are_named(store: Store) -> None:
    watches = await stored.watch(store)
    with pytest.raises(NotFound, match="acme nobody"):
        await watches.remove("acme", "nobody", NOW)
    with pytest.raises(NotFound, match="acme nobody"):
        await watches.request_poll("acme", "nobody", NOW)
    with pytest.raises(NotFound, match="elsewhere"):
        await watches.add(DesiredWatch("elsewhere", "inv_1"), "cli", NOW)
    with pytest.raises(NotFound, match="elsewhere"):
        await watches.apply_lists([DesiredWatch("elsewhere", "inv_1")], NOW, confirmed=False)


async def test_removing_stops_the_poll_in_flight_and_re_adding_continues(store: Store) -> None:
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.tracked"))
    watches = SqlWatches(store)
    await watches.request_poll("acme", "inv_1", NOW)
    (claimed,) = await stored.claim(store)
    await watches.remove("acme", "inv_1", NOW)
    assert await SqlPollQueue(store).record([stored.polled(claimed)], {}) == {claimed.key}
    with pytest.raises(NotFound):
        await watches.request_poll("acme", "inv_1", NOW)
    assert await watches.add(DesiredWatch("acme", "inv_1"), "cli", NOW) is True
    (again,) = await stored.claim(store)
    assert (again.key, again.memory) == (claimed.key, "{}")


async def test_watches_of_a_removed_source_are_kept_orphaned_and_come_back(store: Store) -> None:
    watches = await stored.watch(store, "inv_1")
    await watches.sync_sources([], NOW)
    (row,) = await Reports(store).watch_list()
    assert (row["state"], row["next_poll_at"]) == ("orphaned", None)
    assert await stored.claim(store) == ()
    await watches.sync_sources([SourceRow("acme", "meteroid")], NOW)
    (row,) = await Reports(store).watch_list()
    assert row["state"] == "active"
    assert len(await stored.claim(store)) == 1


async def test_importing_twice_adds_nothing_and_makes_all_due(store: Store) -> None:
    watches = await stored.watch(store)
    entries = [DesiredWatch("acme", f"inv_{number}") for number in range(100)]
    assert await watches.import_entries(entries, "cli", NOW) == 100
    await settled(store)
    assert await watches.import_entries(entries, "cli", NOW) == 0
    assert len(await stored.claim(store, NOW)) == 100


async def test_a_large_list_costs_little_to_apply_and_less_to_apply_again(sqlite_store: Store) -> None:
    watches = await stored.watch(sqlite_store)
    entries = listed(*(f"inv_{number}" for number in range(30_000)))
    started = process_time()
    assert (await watches.apply_lists(entries, NOW, confirmed=False)).added == 30_000
    assert await watches.apply_lists(entries, NOW + MINUTE, confirmed=False) == ListsApplied()
    assert process_time() - started < 10  # of our own time: the machine may be busy; 1.5 s where this was written
