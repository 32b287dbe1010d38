"""How far behind the work is, on both databases."""

from tests.fakes import stored
from tests.fakes.stored import LEASE, MINUTE, NOW, SECOND, event
from watcher.ports import EndpointBacklog, SourceBacklog
from watcher.store import Backlogs, SqlAccountStates, SqlEndpoints, SqlPollQueue, Store


async def test_a_source_lags_by_its_longest_due_watch_that_nobody_has(store: Store) -> None:
    await stored.watch(store, "inv_1", at=NOW - 5 * MINUTE)
    await stored.watch(store, "inv_2")
    backlogs = Backlogs(store)
    assert await backlogs.sources(NOW) == (
        SourceBacklog("acme", is_up=True, lag=5 * MINUTE),
        SourceBacklog("other", is_up=True, lag=0 * MINUTE),
    )
    (claim,) = await SqlPollQueue(store).claim(NOW, [stored.request(requests=1)], LEASE)
    assert [one.invoice_id for one in claim.watches] == ["inv_1"]
    assert (await backlogs.sources(NOW + SECOND))[0].lag == SECOND


async def test_a_source_that_is_given_up_or_wants_a_pause_is_not_up(store: Store) -> None:
    await stored.watch(store)
    accounts = SqlAccountStates(store)
    await accounts.back_off("acme", NOW, NOW + MINUTE)
    await accounts.open_circuit("other", at=NOW, refused=True, error="401", probe_at=NOW + MINUTE)
    assert [one.is_up for one in await Backlogs(store).sources(NOW)] == [False, False]
    assert [one.is_up for one in await Backlogs(store).sources(NOW + 2 * MINUTE)] == [True, False]


async def test_an_endpoint_reports_what_waits_for_it_and_since_when(store: Store) -> None:
    outbox = await stored.endpoints(store, "crm", "ledger")
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid", "ledger", "crm"))
    await stored.record_events(store, "inv_2", event("evt_2", "invoice.paid", "ledger"))
    (sent,) = await stored.send(outbox, crm=1)
    await outbox.settle([stored.delivered(sent)])
    await SqlEndpoints(store).disable("crm", "operator", NOW)
    assert await Backlogs(store).endpoints(NOW + MINUTE) == (
        EndpointBacklog("crm", is_up=False, waiting=0, oldest=0 * MINUTE),
        EndpointBacklog("ledger", is_up=True, waiting=2, oldest=MINUTE),
    )
