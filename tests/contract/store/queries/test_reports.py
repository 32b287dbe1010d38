"""What lists and documents look like, on both databases."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import cast

import pytest

from tests.fakes import stored
from tests.fakes.stored import MINUTE, NOW, OPEN, event, send
from watcher.core.errors import Refused
from watcher.core.invoices.invoice import Status
from watcher.core.invoices.snapshot import to_document
from watcher.ports import DeliveryState, DesiredWatch, Form, WatchState
from watcher.store import Reports, SqlAccountStates, SqlPollQueue, SqlWatches, Store


async def seen(store: Store, invoice_id: str, *, overdue: bool = False, status: Status = Status.OPEN) -> None:
    await stored.watch(store, invoice_id)
    (claimed,) = await stored.claim(store)
    snapshot = replace(OPEN, id=invoice_id, overdue=overdue, status=status)
    poll = replace(stored.polled(claimed, change=stored.change(snapshot=snapshot)), raw=b'{"id": 1.10}')
    await SqlPollQueue(store).record([poll], {})


async def test_a_watch_is_listed_with_all_that_a_user_asks_of_it(store: Store) -> None:
    watches = await stored.watch(store)
    entry = DesiredWatch("acme", "inv_1", ("vip",), date(2026, 12, 1), "for Ada")
    await watches.add(entry, "api", NOW)
    assert await Reports(store).watch_list() == [
        {
            "source": "acme",
            "invoice_id": "inv_1",
            "tags": ["vip"],
            "due_on": "2026-12-01",
            "note": "for Ada",
            "origins": ["api"],
            "state": "active",
            "last_polled_at": None,
            "next_poll_at": "2026-11-22T10:00:00.123456Z",
            "last_error": None,
        }
    ]
    (claimed,) = await stored.claim(store)
    failed = replace(stored.polled(claimed), state=WatchState.FAILING, last_error="HTTP 500", failures=1)
    await SqlPollQueue(store).record([failed], {})
    (row,) = await Reports(store).watch_list()
    assert (row["state"], row["last_error"], row["last_polled_at"], row["next_poll_at"]) == (
        "failing",
        "HTTP 500",
        "2026-11-22T10:00:00.123456Z",
        "2026-11-22T10:15:00.123456Z",
    )


async def test_invoices_are_the_last_snapshots_and_can_be_chosen(store: Store) -> None:
    await seen(store, "inv_1")
    await seen(store, "inv_2", overdue=True)
    await seen(store, "inv_3", status=Status.PAID)
    await SqlWatches(store).add(DesiredWatch("acme", "inv_3", ("v_p", 'q"é')), "cli", NOW)
    await SqlWatches(store).add(DesiredWatch("acme", "unseen", ("vip",)), "cli", NOW)
    reports = Reports(store)
    assert (await reports.invoices())[0] == to_document(OPEN)

    assert _ids(await reports.invoices()) == ["inv_1", "inv_2", "inv_3"]
    assert _ids(await reports.invoices(overdue=True)) == ["inv_2"]
    assert _ids(await reports.invoices(status=Status.PAID)) == ["inv_3"]
    assert _ids(await reports.invoices(source="other")) == []
    assert _ids(await reports.invoices(tag="v_p")) == ["inv_3"]
    assert _ids(await reports.invoices(tag='q"é')) == ["inv_3"]
    assert _ids(await reports.invoices(tag="vip")) == []
    assert _ids(await reports.invoices(after=("acme", "inv_1"), limit=1)) == ["inv_2"]


def _ids(rows: list[dict[str, object]]) -> list[object]:
    return [row["id"] for row in rows]


async def test_events_come_with_their_exact_body_and_a_cursor(store: Store) -> None:
    paid = event("evt_1", "invoice.paid")
    exact = replace(paid, bodies={Form.FULL: '{"type":"invoice.paid","data":{"é":"1.10"}}'.encode()}, tags=("vip",))
    await stored.record_events(store, "inv_1", exact, event("evt_2", "invoice.updated", sequence=2))
    reports = Reports(store)
    assert await reports.event_bodies(limit=1) == [(1, exact.bodies[Form.FULL])]
    assert await reports.events(limit=1) == [
        {"type": "invoice.paid", "data": {"é": "1.10"}, "cursor": 1, "found_by": None}
    ]

    async def cursors(glob: str | None = None, after: str | None = None, tag: str | None = None) -> list[object]:
        return [row["cursor"] for row in await reports.events(limit=10, type_glob=glob, after=after, tag=tag)]

    assert await cursors() == [1, 2]
    assert await cursors(after="1") == [2]
    assert await cursors("invoice.pa*") == [1]
    assert await cursors("invoice_p*") == []
    assert await cursors("*.updat?d") == [2]
    assert await cursors(tag="vip") == [1]
    with pytest.raises(Refused, match="no cursor"):
        await reports.events(limit=1, after="evt_1")


async def test_deliveries_endpoints_and_sources_are_listed_by_state(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger", "crm")
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid", "ledger", "crm"))
    one, *_ = await send(outbox, ledger=1)
    await outbox.settle([stored.retried(one, NOW + MINUTE)])
    reports = Reports(store)
    (row,) = await reports.deliveries(endpoint="ledger")
    assert row == {
        "delivery_id": row["delivery_id"],
        "event_id": "evt_1",
        "type": "invoice.paid",
        "endpoint": "ledger",
        "source": "acme",
        "invoice_id": "inv_1",
        "state": "pending",
        "attempts": 1,
        "next_attempt_at": "2026-11-22T10:01:00.123456Z",
        "last_status": 503,
        "last_error": None,
    }
    assert len(await reports.deliveries(state=DeliveryState.PENDING)) == 2
    assert await reports.deliveries(state=DeliveryState.DEAD) == []
    await stored.endpoints(store, "crm")
    assert await reports.endpoints() == [
        {"name": "crm", "url": "https://crm.example/", "state": "active", "waiting": 1},
        {"name": "ledger", "url": "https://ledger.example/", "state": "removed", "waiting": 1},
    ]
    await SqlAccountStates(store).open_circuit("acme", at=NOW, refused=False, error="", probe_at=NOW)
    assert await reports.sources(NOW, {"acme": "5/s"}) == [
        {"name": "acme", "provider": "meteroid", "state": "failing", "rate": "5/s", "watches": 1},
        {"name": "other", "provider": "dollr", "state": "active", "rate": None, "watches": 0},
    ]


async def test_show_reports_everything_of_one_invoice(store: Store) -> None:
    await stored.endpoints(store, "ledger")
    await seen(store, "inv_1")
    recorded = event("evt_1", "invoice.updated", "ledger")
    await stored.record_events(store, "inv_1", recorded)
    reports = Reports(store)
    shown = await reports.show("acme", "inv_1")
    assert shown is not None
    assert list(shown) == ["invoice", "snapshots", "events", "deliveries"]
    assert shown["invoice"] == to_document(OPEN)
    (first,) = cast("list[dict[str, object]]", shown["snapshots"])
    assert (first["version"], first["observed_at"], first["invoice"]) == (
        1,
        "2026-11-22T10:00:00.123456Z",
        to_document(OPEN),
    )
    assert len(cast("list[object]", shown["events"])) == len(cast("list[object]", shown["deliveries"])) == 1
    assert await reports.raw("acme", "inv_1") == b'{"id": 1.10}'
    assert await reports.show("acme", "nobody") is None
    assert await reports.raw("acme", "nobody") is None


async def test_money_comes_back_to_the_last_digit(store: Store) -> None:
    huge = Decimal("123456789012345678901234567.89")
    await stored.watch(store, "inv_1")
    (claimed,) = await stored.claim(store)
    rich = replace(OPEN, amounts=(replace(stored.EUR, total=huge),))
    await SqlPollQueue(store).record([stored.polled(claimed, change=stored.change(snapshot=rich))], {})
    (invoice,) = await Reports(store).invoices()
    assert cast("list[dict[str, str]]", invoice["amounts"])[0]["total"] == str(huge)


async def test_a_raw_document_is_kept_once_per_content(store: Store) -> None:
    for minute, raw in enumerate((b"same", b"same", b"other", b"same")):
        await seen_raw(store, raw, NOW + minute * MINUTE)
    assert await Reports(store).raw("acme", "inv_1") == b"same"
    async with store.reading() as connection:
        count = (await connection.exec_driver_sql("SELECT count(*) FROM documents")).scalar_one()
    assert count == 2


async def seen_raw(store: Store, raw: bytes, now: datetime) -> None:
    watches = await stored.watch(store, "inv_1")
    await watches.request_poll("acme", "inv_1", now)
    (claimed,) = await stored.claim(store, now)
    await SqlPollQueue(store).record([replace(stored.polled(claimed, now), raw=raw)], {})
