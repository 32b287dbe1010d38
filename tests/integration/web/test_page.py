"""The page as it is served: what it shows, to whom, and that nothing from outside becomes a part of it."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from tests.fakes import stored
from tests.fakes.stored import NOW, OPEN
from tests.integration.web.client import Client, segment
from tests.integration.web.reading import Page
from tests.integration.web.visiting import PATHS, seen, shown
from watcher.core.invoices.invoice import Customer, Status
from watcher.ports import DetectionDelay, FoundBy, FoundChange, SourceRow, WatchState
from watcher.store import SqlPollQueue, SqlWatches
from watcher.web.dashboard_cache import DashboardCache
from watcher.web.page.formatting import NONE

HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}",
    "a/b?c#d",
    "\u202etxt",
    "{% x %}",
)


async def test_a_fresh_installation_says_what_to_do_next(sqlite_client: Client) -> None:
    await SqlWatches(sqlite_client.service.store).apply_lists([], NOW, confirmed=True)
    overview = await shown(sqlite_client, "/")
    assert "Nothing is watched yet" in overview.words
    assert "invoice-watcher watch add acme INVOICE_ID" in overview.words
    assert overview.links["add watches"] == "/watches/add"
    for path, words in (
        ("/invoices", "No invoice was seen yet"),
        ("/watches", "invoice-watcher watch add SOURCE INVOICE_ID"),
        ("/events", "Nothing has happened yet"),
        ("/deliveries", "Nothing was sent yet"),
        ("/watches/add", "Preview"),
        ("/customers", "No invoice with a customer was seen yet"),
        ("/aging", "Nothing is due"),
        ("/forecast", "Nothing is due"),
        ("/dso", "No invoice is paid yet"),
        ("/audit", "Nobody has changed anything yet"),
    ):
        assert words in (await shown(sqlite_client, path)).words


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_has_its_landmarks_labels_and_headers(sqlite_client: Client, path: str) -> None:
    await seen(sqlite_client, replace(OPEN, id="inv_1", tags=("vip",), overdue=True))
    page = await shown(sqlite_client, path)
    assert page.title.endswith("Invoice Watcher")
    assert [one for one in page.all("html") if one["lang"] == "en"]
    assert (len(page.all("main")), len(page.all("h1")), len(page.all("header")), len(page.all("footer"))) == (
        1,
        1,
        1,
        1,
    )
    assert page.links["Skip to the content"].endswith("#main")
    assert len([one for one in page.all("a") if one.get("aria-current") == "page"]) == 1
    assert all(one.get("scope") in {"col", "row"} for one in page.all("th"))
    assert all(one.get("aria-label") for one in page.all("div") if one.get("role") == "region")
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


async def test_the_overview_adds_up_money_and_shows_what_is_overdue(client: Client) -> None:
    paid = replace(stored.EUR, paid=stored.EUR.total, due=stored.EUR.due * 0)
    await seen(
        client,
        replace(OPEN, id="inv_1", overdue=True, due_at=NOW),
        replace(OPEN, id="inv_2", number="2026-2"),
        replace(OPEN, id="inv_3", status=Status.PAID, amounts=(paid,)),
    )
    page = await shown(client, "/")
    money = next(table for table in page.tables if table[0][0] == "Status")
    rows = [row for row in money[1:] if len(row) == 5]
    assert rows == [["open", "2", "20.00", "0", "20.00"], ["paid", "1", "10.00", "10.00", "0.00"]]
    assert page.links["open"] == "/invoices?status=open"
    overdue = next(table for table in page.tables if table[0][0] == "Overdue for")
    assert ["1", "10.00"] in [row[1:] for row in overdue]
    assert page.links["All 1 overdue invoices"] == "/invoices?overdue=true"
    sources = next(table for table in page.tables if table[0][0] == "Source")
    acme = next(row for row in sources if row[0].startswith("acme"))
    assert [acme[1].strip(), acme[2], acme[4], acme[6]] == ["active", "3", "5/s", "4,500"]


async def test_what_is_not_counted_yet_is_no_zero(sqlite_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def still_reading(_: DashboardCache) -> None:
        return None

    monkeypatch.setattr(DashboardCache, "current", still_reading)
    service = sqlite_client.service
    service.detection_delays = None
    page = await shown(sqlite_client, "/")
    assert "The figures are being counted" in page.words
    assert "Open invoices are being counted" in page.words
    tiles = page.words[page.words.index("Watches") : page.words.index("The figures")]
    assert "0" not in tiles
    assert not [table for table in page.tables if table[0][:2] == ["Source", "Policy"]]
    for open_invoices, words in (
        (None, "being counted: an invoice is known after its first poll"),
        (0, "none is open: there is nothing to forecast"),
    ):
        service.detection_delays = (
            DetectionDelay("acme", "adaptive", open_invoices, timedelta(minutes=7), 0, None, None, None, None),
        )
        page = await shown(sqlite_client, "/")
        delays = next(table for table in page.tables if table[0][:2] == ["Source", "Policy"])
        assert delays[1:] == [["acme", "adaptive", words]]


async def test_the_overview_holds_the_expected_delay_against_the_measured_one(sqlite_client: Client) -> None:
    minutes = timedelta(minutes=1)
    late = DetectionDelay(
        "acme", "adaptive", 1200, 7 * minutes, 48, 20 * minutes, 12 * minutes, 95 * minutes, "acme is late"
    )
    unknown = DetectionDelay("other", "cron", 3, None, 0, None, None, None, None)
    sqlite_client.service.detection_delays = (late, unknown)
    page = await shown(sqlite_client, "/")
    table = next(table for table in page.tables if "Expected" in table[0])
    rows = [row for row in table[1:] if len(row) == 8]
    assert rows == [
        ["acme", "adaptive", "1,200", "7 min", "20 min", "12 min", "1 h", "48"],
        ["other", "cron", "3", NONE, NONE, NONE, NONE, "0"],
    ]
    assert page.links["acme is late"] == "/#delays"


async def test_hints_that_have_stopped_need_attention(sqlite_client: Client) -> None:
    store = sqlite_client.service.store
    await seen(sqlite_client, replace(OPEN, id="inv_1"))
    await SqlWatches(store).sync_sources([SourceRow("acme", "meteroid", takes_hints=True)], NOW)
    for how, count in ((FoundBy.HINT, 3), (FoundBy.POLL, 5)):
        await SqlWatches(store).request_poll("acme", "inv_1", NOW)
        (claimed,) = await stored.claim(store)
        changes = (FoundChange("acme", "invoice.paid", how),) * count
        await SqlPollQueue(store).record([replace(stored.polled(claimed), found_changes=changes)], {})
    page = await shown(sqlite_client, "/")
    assert "hints: stopped, 38 % of changes" in page.words
    sentence = "Hints of source acme have stopped: invoice.paid was found without one, again and again."
    assert page.links[sentence] == "/#sources"


async def test_troubles_of_the_service_stand_on_every_page(sqlite_client: Client) -> None:
    sqlite_client.service.config_problems = ("watcher.toml:3: polling.every: <b>wrong</b>",)
    for path in PATHS:
        page = await shown(sqlite_client, path)
        assert "watcher.toml:3: polling.every: <b>wrong</b>" in page.words
        assert "the last good reading stays in force" in page.words


async def test_what_needs_attention_is_named_with_a_way_there(sqlite_client: Client) -> None:
    store = sqlite_client.service.store
    await seen(sqlite_client, replace(OPEN, id="inv_1"))
    await SqlWatches(store).request_poll("acme", "inv_1", NOW)
    (claimed,) = await stored.claim(store)
    failed = replace(stored.polled(claimed), state=WatchState.FAILING, last_error="HTTP 500", failures=1)
    await SqlPollQueue(store).record([failed], {})
    await SqlWatches(store).sync_sources(
        [SourceRow("acme", "meteroid"), SourceRow("other", "meteroid", enabled=False)], NOW
    )
    await sqlite_client.post("/api/v1/endpoints/ledger/disable", 200)
    page = await shown(sqlite_client, "/")
    assert page.links["Source other is disabled."] == "/#sources"
    assert page.links["Endpoint ledger is disabled: 1 delivery waits."] == "/endpoints"
    assert page.links["1 invoice could not be read at the last poll."] == "/watches?state=failing"
    failing = await shown(sqlite_client, "/watches?state=failing")
    assert "HTTP 500" in failing.words
    assert "inv_listed" not in failing.words


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_ids_and_names_stay_text_on_every_page(sqlite_client: Client, name: str) -> None:
    hostile = replace(
        OPEN, id=name, number=name, tags=(name,), provider_status=name, customer=Customer(name, name),
        last_payment_error=name, failed_attempts=1, overdue=True,
    )  # fmt: skip
    await seen(sqlite_client, hostile)
    for path in (
        *(*PATHS, "/aging?by=customer", "/aging?by=tag"),
        f"/invoices/acme/{segment(name)}",
        f"/customers/acme/{segment(name)}",
    ):
        page = await shown(sqlite_client, path)
        if path not in {
            "/endpoints",
            "/deliveries",
            "/events",
            "/aging",
            "/audit",
            "/forecast",
            "/dso",
            "/watches/add",
        }:
            assert name in page.words
    listed = await shown(sqlite_client, "/invoices")
    assert f"/invoices/acme/{segment(name)}" in [one["href"] for one in listed.all("a")]
    tagged = await shown(sqlite_client, f"/invoices?{urlencode({'tag': name, 'search': name})}")
    assert name in tagged.words
    form = tagged.form("/invoices")
    assert form.fields["tag"] == form.fields["search"] == name
    strange = await shown(sqlite_client, f"/invoices?{urlencode({'status': name})}", status=400)
    assert name not in strange.words


async def test_invoices_are_filtered_searched_and_paged(sqlite_client: Client) -> None:
    many = [replace(OPEN, id=f"inv_{number:03}", number=f"R-{number}") for number in range(60)]
    await seen(sqlite_client, *many, replace(OPEN, id="zz", number="X", status=Status.PAID, overdue=False))

    def listed(page: Page) -> list[str]:
        return [row[0].split()[0] for row in page.tables[0][1:]]

    first = await shown(sqlite_client, "/invoices?status=open")
    assert listed(first) == [f"R-{number}" for number in range(50)]
    second = await shown(sqlite_client, first.links["Next page"])
    assert listed(second) == [f"R-{number}" for number in range(50, 60)]
    assert second.links["First page"] == "/invoices?status=open"
    assert "Next page" not in second.links
    assert listed(await shown(sqlite_client, "/invoices?search=r-59")) == ["R-59"]
    assert listed(await shown(sqlite_client, "/invoices?status=paid&overdue=false&source=acme")) == ["X"]
    nothing = await shown(sqlite_client, "/invoices?search=&status=&overdue=true&source=&tag=")
    assert "No invoice is like that" in nothing.words


@pytest.mark.parametrize(
    "path", ["/invoices?status=bogus", "/invoices?colour=red", "/events?cursor=x", "/watches?state=x"]
)
async def test_a_wrong_question_is_answered_with_a_page_that_says_so(sqlite_client: Client, path: str) -> None:
    page = await shown(sqlite_client, path, status=400)
    assert page.title.startswith("Bad Request")
    assert page.links["Back to the overview"] == "/"


async def test_what_is_not_there_is_a_page_that_says_so(sqlite_client: Client) -> None:
    await shown(sqlite_client, "/invoices?cursor=bogus", status=404)
    page = await shown(sqlite_client, "/invoices/acme/never", status=404)
    assert "acme never was never watched" in page.words


async def test_a_timeline_shows_snapshots_changes_events_deliveries_and_answers(client: Client) -> None:
    store = client.service.store
    await seen(client, replace(OPEN, id="inv_1"))
    outbox = await stored.endpoints(store, "ledger")
    (claimed,) = await stored.send(outbox)
    again = stored.retried(claimed, NOW + stored.MINUTE)
    refused = replace(again.receipt, response="<b>no</b>", status=503)
    await outbox.settle([replace(again, receipt=refused)])
    page = await shown(client, "/invoices/acme/inv_1")
    assert page.title == "2026-1 · Invoice Watcher"
    assert "1 snapshot and 1 event, newest first" in page.words
    assert "invoice.paid" in page.words
    assert "Attempt 1 to ledger" in page.words
    assert "answered 503" in page.words
    assert "<b>no</b>" in page.words
    await SqlWatches(store).request_poll("acme", "inv_1", NOW)
    (polled,) = [one for one in await stored.claim(store) if one.invoice_id == "inv_1"]
    changed = stored.change(version=2, snapshot=replace(OPEN, id="inv_1", number="2026-1b"))
    await SqlPollQueue(store).record([stored.polled(polled, NOW + stored.MINUTE, changed)], {})
    page = await shown(client, "/invoices/acme/inv_1")
    assert [["Field", "Before", "After"], ["number", "2026-1", "2026-1b"]] in page.tables


async def test_a_purged_invoice_can_still_be_shown(sqlite_client: Client) -> None:
    await seen(sqlite_client, replace(OPEN, id="inv_1"))
    await SqlWatches(sqlite_client.service.store).remove("acme", "inv_1", NOW, purge=True)
    page = await shown(sqlite_client, "/invoices/acme/inv_1")
    assert "purged" in page.words
    assert "stopped: the history is kept" in page.words
    assert "invoice.paid" in (await shown(sqlite_client, "/events")).words


async def test_events_and_deliveries_are_shown_from_the_newest_on(sqlite_client: Client) -> None:
    await seen(sqlite_client, *(replace(OPEN, id=f"inv_{number:02}") for number in range(55)))
    for path in ("/events", "/deliveries"):
        first = await shown(sqlite_client, path)
        second = await shown(sqlite_client, first.links["Next page"])
        assert (len(first.tables[0]), len(second.tables[0])) == (51, 6)
    assert "invoice.paid" in (await shown(sqlite_client, "/events?type=invoice.p*&source=acme")).words
    assert "No event is like that" in (await shown(sqlite_client, "/events?type=source.*")).words
    assert "No delivery is like that" in (await shown(sqlite_client, "/deliveries?state=dead&endpoint=ledger")).words
