"""Rounds through the lists: when they are made, and that their rows are evaluated like any other poll."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes.lists import NAMES, in_pages, one, partial, watched, whole
from tests.fakes.poller import Scene
from tests.fakes.polling import EVERY, found
from watcher.core.errors import CredentialsRefused, ListRefused, ProviderUnavailable, RateLimited, WatcherError
from watcher.core.invoices.invoice import Status
from watcher.ports import HintedIds
from watcher.store import SqlHints


async def test_many_due_invoices_are_refreshed_by_few_pages(scene: Scene) -> None:
    await watched(scene)
    async with scene.running():
        await scene.elapse(seconds=3)
    assert len(scene.provider.listed) == 6
    assert len(scene.provider.asked) <= 10
    assert scene.poller.recorder.polled >= len(NAMES)
    for name in NAMES:
        assert (await scene.row(name)).status == "open"
    assert await scene.recorded() == []


async def test_pages_take_their_send_instants_from_the_same_budget(scene: Scene) -> None:
    await watched(scene)
    async with scene.running():
        await scene.elapse(seconds=3)
    sent = sorted([*scene.sent_at, *scene.provider.listed])
    for first, sent_at in enumerate(sent):
        assert len([at for at in sent[first:] if at < sent_at + timedelta(seconds=1)]) <= 5


async def test_few_due_invoices_are_asked_for_one_by_one(scene: Scene) -> None:
    await watched(scene)
    async with scene.running():
        await scene.elapse(seconds=3)
        asked, listed = len(scene.provider.asked), len(scene.provider.listed)
        scene.clock.advance(EVERY * 0.6)
        for name in NAMES[:5]:
            await scene.watches.request_poll("acme", name, scene.clock.now())
        await scene.elapse(seconds=3)
    assert len(scene.provider.asked) == asked + 5
    assert len(scene.provider.listed) == listed


async def test_a_change_on_a_page_is_recorded_like_any_other_and_for_what_is_not_due_too(scene: Scene) -> None:
    await watched(scene)
    async with scene.running():
        await scene.elapse(seconds=3)
        scene.provider.pages = in_pages(
            [whole(name, Status.PAID if name == "inv_29" else Status.OPEN) for name in NAMES]
        )
        scene.clock.advance(EVERY * 0.6)
        for name in NAMES[:20]:
            await scene.watches.request_poll("acme", name, scene.clock.now())
        await scene.elapse(seconds=3)
    assert await scene.recorded() == ["invoice.paid"]
    assert "inv_29" not in [name for at, ids in scene.provider.asked for name in ids if at > scene.provider.listed[6]]


async def test_a_hint_does_not_wait_for_the_end_of_a_round(scene: Scene) -> None:
    await watched(scene)
    async with scene.running():
        while len(scene.provider.listed) < 2:
            await scene.elapse(seconds=0.1)
        hinted_at, hinted = scene.clock.now(), NAMES[-1]
        await SqlHints(scene.watches.store).take([HintedIds("acme", (hinted,))], hinted_at)
        scene.poller.wake()
        await scene.elapse(seconds=1)
    (asked_at,) = [at for at, ids in scene.provider.asked if hinted in ids]
    assert asked_at - hinted_at < timedelta(seconds=1)


async def test_between_two_rounds_what_no_list_names_has_its_turn(scene: Scene) -> None:
    await watched(scene)
    scene.provider.pages = in_pages([whole(name) for name in NAMES[:15]])
    async with scene.running():
        await scene.elapse(seconds=5)
    assert len(scene.provider.listed) == 3
    for name in NAMES:
        assert (await scene.row(name)).status == "open"


async def test_a_list_that_is_longer_than_it_is_worth_is_not_read_to_its_end(scene: Scene) -> None:
    await watched(scene)
    strangers = [whole(f"inv_{number}") for number in range(1000, 2000)]
    scene.provider.pages = in_pages(strangers)
    async with scene.running():
        await scene.elapse(seconds=12)
        listed = len(scene.provider.listed)
        assert listed < len(NAMES)
        scene.clock.advance(EVERY * 1.06)
        await scene.elapse(seconds=8)
    assert len(scene.provider.listed) == listed, "its length is remembered"
    for name in NAMES:
        assert (await scene.row(name)).status == "open"


async def test_what_a_provider_says_has_changed_is_polled_at_once(scene: Scene) -> None:
    await watched(scene)
    scene.provider.lists_changes, scene.provider.omits = True, frozenset({"line_count"})
    scene.provider.pages = [ListRefused("no")]
    async with scene.running():
        await scene.elapse(seconds=8)
        scene.provider.results["inv_9"] = found(one("inv_9", Status.PAID, line_count=3), b"paid")
        scene.provider.changes = [partial("inv_9", Status.PAID), partial("inv_10")]
        for _ in range(3):
            scene.clock.advance(timedelta(minutes=1))
            await scene.elapse(seconds=3)
    assert "invoice.paid" in await scene.recorded()
    assert len(scene.provider.changes_asked) == 4
    assert all(since <= scene.clock.now() - timedelta(days=1) for since in scene.provider.changes_asked)


@pytest.mark.parametrize("refusal", [ListRefused("HTTP 404"), ProviderUnavailable("HTTP 500")])
async def test_a_provider_that_refuses_its_list_is_polled_by_id(scene: Scene, refusal: WatcherError) -> None:
    await watched(scene)
    scene.provider.pages = [refusal, refusal]
    async with scene.running():
        await scene.elapse(seconds=8)
    assert len(scene.provider.listed) == 1
    assert sorted({name for _, ids in scene.provider.asked for name in ids}) == sorted(NAMES)
    assert (await scene.source()).failing_since is None


async def test_a_list_that_breaks_off_is_tried_again_sooner_than_one_that_is_refused(scene: Scene) -> None:
    await watched(scene)
    scene.provider.pages = [*in_pages([whole(name) for name in NAMES[:15]]), ListRefused("no such row")]
    async with scene.running():
        await scene.elapse(seconds=8)
        listed = len(scene.provider.listed)
        assert listed == 4
        scene.clock.advance(EVERY * 1.06)
        await scene.elapse(seconds=3)
    assert len(scene.provider.listed) > listed


async def test_a_list_that_is_asked_too_often_silences_the_account(scene: Scene) -> None:
    await watched(scene)
    scene.provider.pages = [RateLimited("429", retry_after=timedelta(minutes=3))]
    async with scene.running():
        await scene.elapse(seconds=2)
        asked = len(scene.provider.asked)
        scene.clock.advance(timedelta(seconds=150))
        await scene.elapse(seconds=2)
        assert len(scene.provider.asked) == asked
        scene.clock.advance(timedelta(seconds=30))
        await scene.elapse(seconds=3)
    assert len(scene.provider.asked) > asked
    assert scene.poller.recorder.failed == 0 or (await scene.row("inv_0")).failures == 0


async def test_refused_credentials_of_a_list_are_confirmed_before_the_account_is_given_up(scene: Scene) -> None:
    await watched(scene)
    scene.provider.pages = [CredentialsRefused("HTTP 401")]
    scene.provider.probe_refusals = [CredentialsRefused("HTTP 401")]
    scene.provider.refusals = [CredentialsRefused("HTTP 401")] * 20
    async with scene.running():
        await scene.elapse(seconds=3)
        assert (await scene.source()).refused
    assert scene.provider.probed


async def test_a_list_that_this_program_fails_on_ends_neither_the_daemon_nor_the_polls(scene: Scene) -> None:
    await watched(scene)
    broken = replace(whole("inv_0"), result=None, document={"invoice": 7})
    scene.provider.omits = frozenset({"line_count"})
    async with scene.running():
        scene.provider.pages = in_pages([partial(name) for name in NAMES], 30)
        await scene.elapse(seconds=8)
        scene.provider.pages = [[broken, *(partial(name) for name in NAMES[1:])]]
        scene.clock.advance(EVERY * 1.06)
        await scene.elapse(seconds=3)
        scene.clock.advance(timedelta(minutes=1))
        asked = len(scene.provider.asked)
        await scene.elapse(seconds=3)
        assert "inv_0" in {name for _, ids in scene.provider.asked[asked:] for name in ids}
    assert sorted({name for _, ids in scene.provider.asked for name in ids}) == sorted(NAMES)


async def test_a_page_is_given_up_where_the_store_is_away_and_the_polls_go_on_afterwards(scene: Scene) -> None:
    await watched(scene)

    def away() -> None:
        scene.store.is_away = True

    scene.provider.on_list = away
    async with scene.running():
        await scene.elapse(seconds=3)
        scene.provider.on_list = None
        scene.store.is_away = False
        scene.clock.advance(timedelta(minutes=3))
        await scene.elapse(seconds=10)
        for name in NAMES:
            assert (await scene.row(name)).status == "open"


async def test_a_single_run_goes_through_the_lists_where_that_pays(scene: Scene) -> None:
    await watched(scene)
    await scene.run_once()
    assert len(scene.provider.listed) == 6
    assert scene.provider.asked == []
    assert scene.poller.recorder.polled == len(NAMES)
