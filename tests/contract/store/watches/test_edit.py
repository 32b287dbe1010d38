"""Tags and notes that are edited by hand, on both databases."""

from datetime import date

import pytest

from tests.fakes import stored
from tests.fakes.stored import NOW
from watcher.core.errors import EditedInList, NotFound
from watcher.ports import AuditAction, AuditEntry, DesiredWatch, WatchByHand, WatchEdit
from watcher.store import Reports, SqlPollQueue, SqlWatches, Store

LISTED = DesiredWatch("acme", "inv_1", ("listed",), note="of the list", file="lists/a.csv", line=2)


async def watched(store: Store, *by_hand: DesiredWatch) -> SqlWatches:
    """These, and all that is due is polled: nothing is due any more."""
    watches = await stored.watch(store)
    await watches.import_entries(by_hand, "cli", NOW)
    await SqlPollQueue(store).record([stored.polled(one) for one in await stored.claim(store)], {})
    return watches


async def test_new_tags_are_polled_for_at_once_and_a_new_note_is_not(store: Store) -> None:
    watches = await watched(
        store, DesiredWatch("acme", "inv_1", ("old",), date(2026, 12, 1), "note"), DesiredWatch("acme", "inv_2")
    )
    await watches.edit("acme", "inv_1", WatchEdit(tags=("vip", "legal")), "api", NOW)
    await watches.edit("acme", "inv_2", WatchEdit(note="ask Ada"), "api", NOW)
    assert [(one.invoice_id, one.tags, one.due_on) for one in await stored.claim(store)] == [
        ("inv_1", ("vip", "legal"), date(2026, 12, 1))
    ]
    first, second = await Reports(store).watch_list()
    assert (first["tags"], first["note"], first["origins"]) == (["vip", "legal"], "note", ["cli"])
    assert (second["tags"], second["note"]) == ([], "ask Ada")
    assert [row["invoice_id"] for row in await Reports(store).watch_list(tag="vip")] == ["inv_1"]
    await watches.edit("acme", "inv_1", WatchEdit(tags=(), note=""), "api", NOW)
    first, _ = await Reports(store).watch_list()
    assert (first["tags"], first["note"]) == ([], None)


async def test_what_a_list_says_is_edited_there_and_stays(store: Store) -> None:
    watches = await stored.watch(store)
    await watches.apply_lists([LISTED], NOW, confirmed=True)
    with pytest.raises(EditedInList, match=r"is listed in lists/a\.csv: edit its tags and note there"):
        await watches.edit("acme", "inv_1", WatchEdit(note="mine"), "api", NOW)
    assert await Reports(store).watch_by_hand("acme", "inv_1") == WatchByHand(
        (), None, "lists/a.csv", is_editable=False
    )
    await watches.add(DesiredWatch("acme", "inv_1", ("mine",), note="mine"), "added", NOW)
    await watches.edit("acme", "inv_1", WatchEdit(tags=("ours",)), "added", NOW)
    (both,) = await Reports(store).watch_list()
    assert (both["tags"], both["note"], both["origins"]) == (["listed", "ours"], "of the list", ["file", "added"])
    assert await Reports(store).watch_by_hand("acme", "inv_1") == WatchByHand(
        ("ours",), "mine", "lists/a.csv", is_editable=True
    )


async def test_a_discovered_watch_is_added_by_hand_with_its_first_edit(store: Store) -> None:
    watches = await stored.watch(store)
    await watches.discover("acme", ["inv_1"], NOW)
    assert await Reports(store).watch_by_hand("acme", "inv_1") == WatchByHand((), None, None, is_editable=True)
    await watches.edit("acme", "inv_1", WatchEdit(tags=("vip",)), "added", NOW)
    (row,) = await Reports(store).watch_list()
    assert (row["tags"], row["origins"]) == (["vip"], ["added", "discovered"])


async def test_what_is_not_watched_cannot_be_edited(store: Store) -> None:
    watches = await stored.watch(store, "inv_1")
    await watches.remove("acme", "inv_1", NOW)
    for invoice_id in ("inv_1", "inv_2"):
        with pytest.raises(NotFound, match="is not watched"):
            await watches.edit("acme", invoice_id, WatchEdit(note="x"), "cli", NOW)
        assert await Reports(store).watch_by_hand("acme", invoice_id) is None


async def test_an_edit_and_each_watch_of_a_list_are_in_the_audit_trail(store: Store) -> None:
    watches = await stored.watch(store)
    await watches.import_entries([DesiredWatch("acme", f"inv_{n}") for n in range(2)], "added", NOW, who="page:ada")
    noted = AuditEntry("page:ada", AuditAction.WATCH_EDIT, "acme inv_1")
    await watches.edit("acme", "inv_1", WatchEdit(note="x"), "added", NOW, audit_entry=noted)
    found = [item for _, item in await Reports(store).audit()]
    assert {item["who"] for item in found} == {"page:ada"}
    assert [(item["action"], item["target"], item["outcome"]) for item in found] == [
        ("watch.edit", "acme inv_1", "done"),
        ("watch.add", "acme inv_1", "done"),
        ("watch.add", "acme inv_0", "done"),
    ]
