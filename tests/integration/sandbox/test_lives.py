import csv
import io
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.sandbox.caller import Caller, MovableClock
from watcher.config.adapters.built_in import BUILT_IN
from watcher.config.load import load
from watcher.sandbox import DEMO_SECRET, DEMO_WATCHES, EXPECTED, LASTS, PROVIDERS, Sandbox, demo_files, play, prepare
from watcher.sandbox.lives import DEMO_PROVIDERS, LIVES, lives_of

PATHS = {
    "fragment": "/invoices/{}",
    "meteroid": "/api/v1/invoices/{}",
    "dollr": "/v1/invoices/retrieve/{}",
    "rapyd": "/v1/invoices/{}",
    "chargeover": "/invoice/{}",
    "stripe": "/v1/invoices/{}",
    "lago": "/api/v1/invoices/{}",
    "chargebee": "/invoices/{}",
}
IN_NO_LIFE = {"reopened", "updated"}
TYPES = (
    "tracked restored finalized due_date_changed amount_changed credited payment_failed payment_pending partially_paid "
    "refunded payment_reversed reopened paid overpaid voided marked_uncollectible deleted updated overdue_cleared "
    "due_soon overdue overdue_reminder"
)


async def test_every_watched_invoice_can_be_read_before_the_play(sandbox: Sandbox, caller: Caller) -> None:
    prepare(sandbox)
    statuses = [
        (await caller.get(provider, PATHS[provider].format(bill_id))).status
        for provider, ids in DEMO_WATCHES.items()
        for bill_id in ids
    ]
    assert statuses == [200] * len(LIVES)


def test_the_lives_of_the_demo_touch_every_event_of_an_invoice_but_two() -> None:
    recorded = {name.removeprefix("invoice.") for life in lives_of(DEMO_PROVIDERS) for name in life.expects}
    assert set(TYPES.split()) - recorded == IN_NO_LIFE
    assert {provider for provider, _ in EXPECTED} == set(PROVIDERS)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_lives_at_each_provider_alone_are_worth_a_demo(provider: str) -> None:
    lives = lives_of([provider])
    recorded = {event for life in lives for event in life.expects}
    assert len(lives) >= 3
    assert len(recorded) >= 5, sorted(recorded)


def test_two_steps_of_one_invoice_are_at_least_four_seconds_apart() -> None:
    gaps = [later.at - earlier.at for life in LIVES for earlier, later in zip(life.steps, life.steps[1:], strict=False)]
    assert min(gaps) >= timedelta(seconds=4)
    assert timedelta(seconds=25) > LASTS


async def test_the_play_waits_as_asked_and_leaves_every_bill_where_its_life_ends(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    prepare(sandbox)
    words: list[str] = []

    async def pace(wait: timedelta, says: str) -> None:
        await clock.sleep(wait)
        words.append(says)

    began_at = clock.now()
    await play(sandbox, pace)
    assert clock.now() - began_at == LASTS
    assert len(words) == sum(len(life.steps) for life in LIVES)
    meteroid = [
        (await caller.get("meteroid", PATHS["meteroid"].format(each))).json for each in DEMO_WATCHES["meteroid"]
    ]
    assert [(row["status"], row["payment_status"]) for row in meteroid] == [
        ("FINALIZED", "UNPAID"),
        ("UNCOLLECTIBLE", "UNPAID"),
        ("FINALIZED", "PAID"),
    ]
    chargeover = [
        (await caller.get("chargeover", PATHS["chargeover"].format(each))).json["response"]["invoice_status_str"]
        for each in DEMO_WATCHES["chargeover"]
    ]
    assert chargeover == ["closed-paid", "closed-paid", "closed-void", "open-unpaid"]
    dollr = [(await caller.get("dollr", PATHS["dollr"].format(each))).status for each in DEMO_WATCHES["dollr"]]
    assert dollr == [200, 200, 404]


async def test_an_invoice_that_gets_overdue_during_the_play_has_an_instant_as_its_due_date(
    sandbox: Sandbox, clock: MovableClock
) -> None:
    prepare(sandbox)
    await play(sandbox, lambda wait, _: clock.sleep(wait))
    overdue = next(life for life in LIVES if "invoice.due_soon" in life.expects)
    due = sandbox.ledger.bill(overdue.provider, overdue.id).due
    assert due is not None
    assert clock.now() - timedelta(seconds=10) < due < clock.now()


async def test_the_configuration_names_all_sources_and_each_secret_by_its_file(sandbox: Sandbox) -> None:
    files = demo_files(sandbox, "http://127.0.0.1:9/hooks", PROVIDERS, listen="127.0.0.1:8480")
    config = tomllib.loads(files["watcher.toml"])
    assert {name: source["base_url"] for name, source in config["sources"].items()} == sandbox.base_urls
    assert config["sources"]["fragment"]["token_url"] == sandbox.token_url
    for name, source in config["sources"].items():
        found = {key: files[value["file"]].strip() for key, value in source.items() if isinstance(value, dict)}
        assert found == sandbox.credentials[name]
    endpoint = config["endpoints"]["receiver"]
    assert endpoint["url"] == "http://127.0.0.1:9/hooks"
    assert files[endpoint["secrets"][0]["file"]].strip() == DEMO_SECRET
    assert config["http"]["listen"] == "127.0.0.1:8480"


async def test_the_service_reads_the_files_without_a_complaint(sandbox: Sandbox, tmp_path: Path) -> None:
    for name, text in demo_files(sandbox, "http://127.0.0.1:9/hooks", PROVIDERS).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    loaded = load(tmp_path / "watcher.toml", BUILT_IN, {})
    assert (loaded.warnings, len(loaded.entries)) == ((), len(LIVES))


async def test_the_watch_list_holds_every_life_once(sandbox: Sandbox) -> None:
    rows = list(
        csv.DictReader(io.StringIO(demo_files(sandbox, "http://127.0.0.1:9/", PROVIDERS)["watchlists/demo.csv"]))
    )
    assert [(row["source"], row["invoice_id"]) for row in rows] == list(EXPECTED)
    assert {row["due_on"] for row in rows} == {"", "2026-11-20"}


async def test_the_files_have_the_sources_that_are_asked_for_alone(sandbox: Sandbox) -> None:
    files = demo_files(sandbox, "http://127.0.0.1:9/", ["lago"])
    assert set(tomllib.loads(files["watcher.toml"])["sources"]) == {"lago"}
    rows = csv.DictReader(io.StringIO(files["watchlists/demo.csv"]))
    assert {row["source"] for row in rows} == {"lago"}
