"""The poller's straight line on a real database: what is due is asked for, in time, and recorded."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fakes.invoices import euros, invoice
from tests.fakes.poller import Scene
from tests.fakes.polling import EVERY, found, plan
from watcher.core.errors import InvoiceRefused, ProviderUnavailable
from watcher.core.invoices.invoice import Status
from watcher.polling.rate_limit import Spacing
from watcher.ports import Claim, Failed, Found, Missing, PollOutcome, Same
from watcher.store import SqlPollQueue

OPEN = found(invoice(due=None))
PAID = found(invoice(Status.PAID, euros(paid="100.00"), due=None), b"two")


async def test_an_import_is_spread_by_the_rate(scene: Scene) -> None:
    names = [f"inv_{number}" for number in range(50)]
    await scene.watch(*names)
    scene.provider.results = {name: found(replace(invoice(), id=name)) for name in names}
    async with scene.running():
        await scene.elapse(seconds=12)
    assert sorted(one for _, ids in scene.provider.asked for one in ids) == sorted(names)
    for first, sent_at in enumerate(scene.sent_at):
        within_a_second = [at for at in scene.sent_at[first:] if at < sent_at + timedelta(seconds=1)]
        assert len(within_a_second) <= 5
    assert scene.sent_at[-1] - scene.sent_at[0] == pytest.approx(timedelta(seconds=10), abs=timedelta(seconds=1))
    assert scene.poller.recorder.polled == 50


async def test_what_changes_between_two_polls_is_recorded_once(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": OPEN}
    async with scene.running():
        await scene.elapse(seconds=1)
        scene.provider.results = {"inv_1": PAID}
        scene.clock.advance(EVERY)
        await scene.elapse(seconds=2)
        scene.clock.advance(EVERY)
        await scene.elapse(seconds=2)
    assert len(scene.provider.asked) == 3
    assert await scene.recorded() == ["invoice.paid"]
    assert scene.notified == 2
    count = scene.metrics.registry.get_sample_value
    polls = {one.value: count("invoice_watcher_polls_total", {"source": "acme", "outcome": one}) for one in PollOutcome}
    assert polls == {"changed": 2, "unchanged": 1, "missing": None, "failed": None}
    assert count("invoice_watcher_requests_total", {"source": "acme"}) == 3
    assert count("invoice_watcher_events_total", {"type": "invoice.paid"}) == 1


async def test_the_text_of_the_last_poll_is_known_at_the_next(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": replace(OPEN, text=b"t" * 16)}
    async with scene.running():
        await scene.elapse(seconds=1)
        scene.provider.results = {"inv_1": Same()}
        scene.clock.advance(EVERY)
        await scene.elapse(seconds=2)
        scene.provider.results = {"inv_1": replace(PAID, text=b"u" * 16)}
        scene.clock.advance(EVERY)
        await scene.elapse(seconds=2)
        scene.clock.advance(EVERY)
        await scene.elapse(seconds=2)
    assert scene.provider.known == [{}, {"inv_1": b"t" * 16}, {"inv_1": b"t" * 16}, {"inv_1": b"u" * 16}]
    assert await scene.recorded() == ["invoice.paid"]
    assert scene.poller.recorder.polled == 4


async def test_a_claim_is_made_for_hundreds_of_polls(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"inv_{number}" for number in range(1000)]
    await scene.watch(*names)
    scene.provider.results = dict.fromkeys(names, OPEN)
    scene.configure(spacing=Spacing.of(1000))
    claimed: list[int] = []
    claim = SqlPollQueue.claim

    async def noted(*asked: Any) -> tuple[Claim, ...]:  # noqa: ANN401 - passed on
        claims = await claim(*asked)
        claimed.extend(len(one.watches) for one in claims)
        return claims

    monkeypatch.setattr(SqlPollQueue, "claim", noted)
    async with scene.running():
        await scene.elapse(seconds=5)
    assert scene.poller.recorder.polled == 1000
    assert len(claimed) <= 10


async def test_what_is_asked_for_in_batches_is_claimed_again_as_soon_as_half_of_it_is_made(scene: Scene) -> None:
    names = [f"inv_{number}" for number in range(4500)]  # nine requests, for which no list is read
    await scene.watch(*names)
    scene.provider.results, scene.provider.batch_size = dict.fromkeys(names, Missing("not found")), 500
    scene.configure(spacing=Spacing.of(10_000))
    async with scene.running():
        await scene.elapse(seconds=0.5)
        polled = scene.poller.recorder.polled
    assert polled == 4500


async def test_single_polls_go_on_as_soon_as_a_list_is_read(scene: Scene) -> None:
    names = [f"inv_{number}" for number in range(6000)]
    await scene.watch(*names)
    scene.provider.results, scene.provider.batch_size = dict.fromkeys(names, Missing("not found")), 200
    scene.configure(spacing=Spacing.of(10_000))
    async with scene.running():
        await scene.elapse(seconds=0.5)
        polled = scene.poller.recorder.polled
    assert (len(scene.provider.listed), polled) == (1, 6000)


async def test_no_more_is_claimed_of_all_sources_than_can_be_sent_in_time(scene: Scene) -> None:
    names = [f"inv_{number}" for number in range(1500)]
    await scene.watch(*names)
    await scene.watch(*names, source="other")
    spacing = Spacing.of(10_000)
    scene.configure(plan(scene.provider, name="other", spacing=spacing), spacing=spacing)
    scene.provider.hold()
    async with scene.running():
        await scene.elapse(seconds=0.5)
        leased = Counter(await scene.leased())
        scene.provider.let_go()
    assert leased == {"acme": 512, "other": 512}


async def test_a_deleted_invoice_that_is_back_unchanged_is_restored(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": OPEN}
    async with scene.running():
        await scene.elapse(seconds=1)
        seen = dict(scene.provider.results)
        scene.provider.results.clear()
        for _ in range(4):
            scene.clock.advance(EVERY)
            await scene.elapse(seconds=2)
        assert await scene.recorded() == ["invoice.deleted"]
        scene.provider.results.update(seen)
        scene.clock.advance(EVERY)
        await scene.elapse(seconds=2)
    assert await scene.recorded() == ["invoice.deleted", "invoice.restored"]


async def test_a_retired_watch_that_is_polled_on_request_is_polled_again(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": PAID}
    async with scene.running():
        await scene.elapse(seconds=1)
        scene.clock.advance(timedelta(days=91))
        await scene.elapse(seconds=2)
        assert (await scene.row("inv_1")).state == "retired"
        await scene.watches.request_poll("acme", "inv_1", scene.clock.now())
        await scene.elapse(seconds=2)
        row = await scene.row("inv_1")
    assert (row.state, len(scene.provider.asked)) == ("active", 3)
    assert row.due_at is not None


async def test_a_crash_over_one_document_is_that_watchs_failure_and_nobody_elses(scene: Scene) -> None:
    await scene.watch("odd", "inv_1")
    odd = Found(lambda: {"invoice": "no invoice at all"}, lambda _: b"{}", lambda _: b"odd")
    scene.provider.results = {"odd": odd, "inv_1": OPEN}
    async with scene.running():
        await scene.elapse(seconds=3)
    crashed = await scene.row("odd")
    assert (crashed.state, crashed.failures) == ("failing", 1)
    assert "AssertionError" in crashed.last_error
    assert (await scene.row("inv_1")).version == 1


async def test_a_failed_poll_is_logged_by_the_invoices_name_and_is_no_success_of_the_account(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": Failed(InvoiceRefused("HTTP 403"))}
    with capture_logs() as logged:
        async with scene.running():
            await scene.elapse(seconds=1)
    (line,) = [line for line in logged if line["event"] == "poll.failed"]
    assert (line["source"], line["invoice_id"], line["error"]) == ("acme", "inv_1", "HTTP 403")
    assert (await scene.source()).last_success_at is None


async def test_stopping_asks_for_nothing_more_and_records_what_is_under_way(scene: Scene) -> None:
    names = [f"inv_{number}" for number in range(50)]
    await scene.watch(*names)
    scene.provider.results = {name: found(replace(invoice(), id=name)) for name in names}
    async with scene.running():
        await scene.elapse(seconds=0.1)
    assert 1 <= len(scene.provider.asked) <= 6
    assert scene.poller.recorder.polled == len(scene.provider.asked)
    for name in names:
        assert (await scene.row(name)).lease_ends_at is None


async def test_a_poll_whose_lease_was_taken_writes_nothing(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": OPEN}
    scene.provider.hold()
    async with scene.running():
        await scene.elapse(seconds=0.1)
        await scene.watches.remove("acme", "inv_1", scene.clock.now())
        scene.provider.let_go()
        await scene.elapse(seconds=1)
    assert len(scene.provider.asked) == 1
    assert (await scene.row("inv_1")).memory is None
    assert await scene.bodies() == []


async def test_while_the_database_is_away_nothing_is_lost_and_nothing_is_the_invoices_fault(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": OPEN}
    scene.provider.hold()
    async with scene.running():
        await scene.elapse(seconds=0.1)
        scene.store.is_away = True
        scene.provider.let_go()
        await scene.elapse(seconds=5)
        assert (len(scene.provider.asked), scene.poller.recorder.polled) == (1, 0)
        scene.store.is_away = False
        await scene.elapse(seconds=3)
    row = await scene.row("inv_1")
    assert (row.state, row.failures, row.version) == ("active", 0, 1)


async def test_a_request_that_failed_while_the_database_is_away_is_made_again(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": OPEN}
    scene.provider.refusals = [ProviderUnavailable("HTTP 502")]
    scene.provider.hold()
    async with scene.running():
        await scene.elapse(seconds=0.1)
        scene.store.is_away = True
        scene.provider.let_go()
        await scene.elapse(seconds=2)
        scene.store.is_away = False
        await scene.elapse(seconds=1)
        assert (await scene.row("inv_1")).state == "active"
        scene.clock.advance(timedelta(minutes=3))
        await scene.elapse(seconds=1)
    row = await scene.row("inv_1")
    assert (row.state, row.failures, row.version) == ("active", 0, 1)


async def test_a_source_removed_during_a_claim_ends_nothing_and_keeps_no_lease(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.configure()
    scene.store.before_commit = partial(scene.poller.configure, {})
    async with scene.running():
        await scene.elapse(seconds=1)
        assert (await scene.row("inv_1")).lease_ends_at is None
    assert scene.provider.asked == []


async def test_a_source_removed_while_its_clock_is_read_ends_nothing(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": found(invoice(due=scene.clock.now() + timedelta(minutes=4)))}
    scene.configure(clock_wait=timedelta(0))
    async with scene.running():
        await scene.elapse(seconds=2)
        scene.provider.hold()
        scene.store.before_commit = partial(scene.poller.configure, {})
        scene.clock.advance(timedelta(minutes=4))
        await scene.elapse(seconds=2)
        scene.configure()
        scene.provider.let_go()
        await scene.elapse(seconds=2)
    assert await scene.recorded() == ["invoice.overdue"]


async def test_a_reload_does_not_raise_how_much_of_a_source_is_under_way(scene: Scene) -> None:
    names = [f"inv_{number}" for number in range(600)]
    await scene.watch(*names)
    scene.provider.hold()
    scene.configure(rate=10_000)
    async with scene.running():
        await scene.elapse(seconds=0.5)
        scene.configure(rate=10_000)
        await scene.elapse(seconds=2)
        under_way = len(scene.provider.asked)
        scene.provider.let_go()
    assert under_way == 64
