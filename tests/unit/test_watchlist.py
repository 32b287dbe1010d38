from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from watcher.ports import DesiredWatch, ListDigest, ListsApplied, SourceRow, WatchLists
from watcher.watchlist import ListKeeper

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ALL = tuple(DesiredWatch("acme", str(number), file="a.csv", line=number + 2) for number in range(30))
FEW = ALL[:3]
MINUTE = timedelta(seconds=60)


def _lists(entries: Sequence[DesiredWatch]) -> WatchLists:
    return WatchLists(ListDigest(repr(entries), len(entries), ()), tuple(entries))


class StoredWatches:
    """Holds back what stops more than half, over ten; else takes it over."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.mark: ListDigest | None = None

    async def sync_sources(self, sources: Sequence[SourceRow], now: datetime) -> None:
        raise AssertionError(f"the lists are no matter of sources: {sources} {now}")

    async def apply_lists(
        self, entries: Sequence[DesiredWatch], now: datetime, *, confirmed: bool, mark: ListDigest | None = None
    ) -> ListsApplied:
        del now
        wanted = {entry.invoice_id for entry in entries}
        stopped = self.ids - wanted
        if len(stopped) > max(10, len(self.ids) / 2) and not confirmed:
            return ListsApplied(held=True)
        self.ids, self.mark = wanted, mark
        return ListsApplied(removed=len(stopped))

    async def list_digest(self) -> ListDigest | None:
        return self.mark


async def _filled() -> tuple[ListKeeper, StoredWatches]:
    watches = StoredWatches()
    keeper = ListKeeper(watches)
    await keeper.apply(_lists(ALL), NOW)
    return keeper, watches


async def test_lists_are_applied_as_they_are_read() -> None:
    keeper, watches = await _filled()
    assert (await keeper.apply(_lists(ALL[:25]), NOW)).removed == 5
    assert len(watches.ids) == 25
    assert keeper.held_since is None


async def test_a_mass_stop_is_held_and_the_watches_stay() -> None:
    keeper, watches = await _filled()
    assert (await keeper.apply(_lists(FEW), NOW)).held
    assert len(watches.ids) == 30
    assert keeper.held_since == NOW


async def test_a_signal_ends_the_holding() -> None:
    keeper, watches = await _filled()
    await keeper.apply(_lists(FEW), NOW)
    assert not (await keeper.apply(_lists(FEW), NOW + timedelta(seconds=1), forced=True)).held
    assert len(watches.ids) == 3
    assert keeper.held_since is None


async def test_the_same_reading_a_minute_later_ends_the_holding() -> None:
    keeper, watches = await _filled()
    await keeper.apply(_lists(FEW), NOW)
    early = NOW + MINUTE - timedelta(seconds=1)
    assert not keeper.wants_reading(early)
    assert (await keeper.apply(_lists(FEW), early)).held
    assert keeper.wants_reading(NOW + MINUTE)
    assert not (await keeper.apply(_lists(FEW), NOW + MINUTE)).held
    assert len(watches.ids) == 3


async def test_another_reading_meanwhile_starts_the_minute_anew() -> None:
    keeper, watches = await _filled()
    await keeper.apply(_lists(FEW), NOW)
    assert (await keeper.apply(_lists(FEW[:2]), NOW + MINUTE)).held
    assert keeper.held_since == NOW + MINUTE
    assert (await keeper.apply(_lists(FEW), NOW + MINUTE * 1.5)).held
    assert len(watches.ids) == 30


async def test_lists_that_are_full_again_end_the_holding_without_a_stop() -> None:
    keeper, watches = await _filled()
    await keeper.apply(_lists(FEW), NOW)
    assert not (await keeper.apply(_lists(ALL), NOW + timedelta(seconds=5))).held
    assert len(watches.ids) == 30
    assert not keeper.wants_reading(NOW + MINUTE)


async def test_the_held_reading_is_applied_once_more_when_it_has_stood_for_a_minute() -> None:
    keeper, watches = await _filled()
    assert (await keeper.apply_held(NOW)) == ListsApplied()
    await keeper.apply(_lists(FEW), NOW)
    assert (await keeper.apply_held(NOW + MINUTE)).removed == 27
    assert (await keeper.stored(), len(watches.ids)) == (_lists(FEW).mark, 3)


async def test_lists_that_the_watches_match_are_not_applied_and_end_a_holding() -> None:
    keeper, watches = await _filled()
    await keeper.apply(_lists(FEW), NOW)
    assert await keeper.apply(WatchLists(_lists(ALL).mark, None), NOW) == ListsApplied()
    assert (keeper.held_since, len(watches.ids)) == (None, 30)


async def test_the_order_and_the_lines_of_a_list_do_not_make_another_reading() -> None:
    keeper, watches = await _filled()
    await keeper.apply(_lists(FEW), NOW)
    moved = tuple(DesiredWatch("acme", entry.invoice_id, file="b.csv", line=2) for entry in reversed(FEW))
    assert not (await keeper.apply(_lists(moved), NOW + MINUTE)).held
    assert len(watches.ids) == 3
