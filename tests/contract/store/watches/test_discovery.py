"""Watches that a provider's lists bring: who finds them, and who may take them away again."""

from tests.fakes import stored
from tests.fakes.stored import NOW
from watcher.ports import DesiredWatch
from watcher.store import Reports, SqlWatches, Store


async def origins(store: Store) -> dict[object, object]:
    return {row["invoice_id"]: row["origins"] for row in await Reports(store).watch_list()}


async def test_what_nobody_watches_is_watched_from_now_on_and_due_at_once(store: Store) -> None:
    watches = await stored.watch(store, "mine")
    assert await watches.discover("acme", ["mine", "inv_1", "inv_2", "inv_1"], NOW) == 2
    assert await watches.discover("acme", ["mine", "inv_1", "inv_2"], NOW) == 0
    assert await origins(store) == {"mine": ["cli"], "inv_1": ["discovered"], "inv_2": ["discovered"]}
    assert {one.invoice_id for one in await stored.claim(store)} == {"mine", "inv_1", "inv_2"}


async def test_what_is_removed_by_hand_does_not_come_back_until_it_is_added_by_hand(store: Store) -> None:
    watches = await stored.watch(store, "mine")
    await watches.discover("acme", ["inv_1"], NOW)
    await watches.remove("acme", "inv_1", NOW)
    await watches.remove("acme", "mine", NOW)
    assert await watches.discover("acme", ["inv_1", "mine"], NOW) == 0
    assert await origins(store) == {}
    await watches.add(DesiredWatch("acme", "inv_1"), "cli", NOW)
    assert await origins(store) == {"inv_1": ["cli"]}
    await watches.remove("acme", "inv_1", NOW)
    assert await watches.discover("acme", ["inv_1"], NOW) == 0


async def test_what_was_purged_does_not_come_back(store: Store) -> None:
    watches = await stored.watch(store)
    await watches.discover("acme", ["inv_1"], NOW)
    await watches.remove("acme", "inv_1", NOW, purge=True)
    assert await watches.discover("acme", ["inv_1"], NOW) == 0


async def test_a_discovered_invoice_that_is_added_too_is_watched_for_both_and_removed_for_both(store: Store) -> None:
    watches = await stored.watch(store)
    await watches.discover("acme", ["inv_1"], NOW)
    assert not await watches.add(DesiredWatch("acme", "inv_1", ("vip",)), "cli", NOW)
    assert await origins(store) == {"inv_1": ["cli", "discovered"]}
    await watches.remove("acme", "inv_1", NOW)
    assert await origins(store) == {}


async def test_a_file_that_lists_a_discovered_invoice_no_more_leaves_it_discovered(store: Store) -> None:
    watches = await stored.watch(store)
    ids = [f"inv_{number}" for number in range(30)]
    await watches.discover("acme", ids, NOW)
    await watches.apply_lists([DesiredWatch("acme", one, file="a.toml", line=1) for one in ids], NOW, confirmed=False)
    assert (await origins(store))["inv_1"] == ["file", "discovered"]
    applied = await watches.apply_lists([], NOW, confirmed=False)
    assert not applied.held, "nothing stops"
    assert (await origins(store))["inv_1"] == ["discovered"]


async def test_what_a_file_listed_no_more_is_found_again_by_discovery(store: Store) -> None:
    watches = await stored.watch(store)
    await watches.apply_lists([DesiredWatch("acme", "inv_1")], NOW, confirmed=True)
    await watches.apply_lists([], NOW, confirmed=True)
    assert await origins(store) == {}
    assert await watches.discover("acme", ["inv_1"], NOW) == 1
    assert await origins(store) == {"inv_1": ["discovered"]}


async def test_many_are_discovered_at_once(store: Store) -> None:
    await stored.watch(store)
    assert await SqlWatches(store).discover("acme", [str(number) for number in range(12_000)], NOW) == 12_000
