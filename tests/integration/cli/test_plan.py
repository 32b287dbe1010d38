"""`plan` and `explain` on a database whose polls are known, and without any."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from tests.fakes import stored
from tests.integration.cli.terminal import Terminal
from watcher.core.scheduling.allocation import HazardGroup
from watcher.core.scheduling.hazard import DAY, Exposure, due_hour, stage_at
from watcher.ports import (
    DesiredWatch,
    FoundBy,
    FoundChange,
    HintedIds,
    HintOutcome,
    PollRecord,
    SourceRow,
    WatchState,
)
from watcher.store import SqlHints, SqlPollQueue, SqlWatches, open_store

NOW = datetime.now(UTC).replace(microsecond=0)
NEAR = HazardGroup("open", due_hour(NOW + DAY / 2), "EUR", 30)
FAR = HazardGroup("open", due_hour(NOW + 20 * DAY), "EUR", 20)


def polled(key: int, lease: int, here: HazardGroup) -> PollRecord:
    """A poll of an open invoice: near the due date one in five changes a day, far from it one in two hundred."""
    taught = (
        Exposure("meteroid", "open", stage_at(-0.5), 2, 10 * DAY),
        Exposure("meteroid", "open", stage_at(-20), 0, 20 * DAY),
    )
    event = replace(stored.event(f"evt_{key}"), timestamp=NOW, delay=timedelta(minutes=key))
    return PollRecord(
        key=key, lease=lease, polled_at=NOW, poll_at=NOW + timedelta(minutes=7), clock_at=NOW + DAY,
        state=WatchState.ACTIVE, asked_at=NOW, fetched_at=NOW, fingerprint=b"print", hazard_group=here,
        exposures=taught, change=stored.change(event, snapshot=replace(stored.OPEN, id=f"inv_{key}")),
    )  # fmt: skip


async def seed(file: Path) -> None:
    """Ten invoices near their due date and ten far from it, one that failed, one never seen, and one that is gone."""
    async with open_store(f"sqlite:///{file}", create=True) as store:
        watches = SqlWatches(store)
        await watches.sync_sources([SourceRow("acme", "meteroid")], NOW)
        await watches.import_entries([DesiredWatch("acme", f"inv_{number}") for number in range(1, 22)], "cli", NOW)
        claimed = sorted(await stored.claim(store, NOW), key=lambda one: one.key)
        records = [polled(one.key, one.lease, NEAR if one.key <= 10 else FAR) for one in claimed]
        records[-1] = replace(records[-1], failures=2, last_error="HTTP 500", state=WatchState.FAILING)
        await SqlPollQueue(store).record(records, {})
        await watches.import_entries([DesiredWatch("acme", "inv_new"), DesiredWatch("acme", "inv_gone")], "cli", NOW)
        await watches.remove("acme", "inv_gone", NOW)


@pytest.fixture
def history(terminal: Terminal) -> Terminal:
    asyncio.run(seed(terminal.folder / "config" / "watcher.db"))
    return terminal


def why(terminal: Terminal, invoice_id: str) -> str:
    ran = terminal.type(f"explain acme {invoice_id} --json")
    assert ran.code == 0, ran.err
    return "\n".join(cast("Sequence[str]", ran.document["why"]))


def test_plan_shows_the_expected_delay_beside_the_measured_one(history: Terminal) -> None:
    (shown,) = history.type("plan --json").lines
    assert shown["source"] == "acme"
    assert shown["open_invoices"] == 21
    assert shown["looks_per_day"] == 21 * 96
    assert shown["rate_used"] == 0.005
    assert shown["expected_delay_evenly"] == "7m30s"
    assert shown["measured_delay"] == {"changes": 21, "mean": "11m", "median": "11m", "p95": "20m"}
    assert shown["changes_learned"] == 42
    assert str(shown["expected_delay"]).startswith(("4m", "5m")), "polls are placed where changes are"


async def take_hints(file: Path, missed: int) -> None:
    """The source takes hints; they brought three payments, and then not the next ones."""
    async with open_store(f"sqlite:///{file}") as store:
        watches = SqlWatches(store)
        await watches.sync_sources([SourceRow("acme", "meteroid", takes_hints=True)], NOW)
        await watches.request_poll("acme", "inv_1", NOW)
        claimed = next(one for one in await stored.claim(store, NOW) if one.invoice_id == "inv_1")
        ways = [FoundBy.HINT] * 3
        changes = tuple(FoundChange("acme", "invoice.paid", how) for how in ways)
        await SqlPollQueue(store).record([replace(stored.polled(claimed, NOW), found_changes=changes)], {})
        if missed:
            await watches.request_poll("acme", "inv_1", NOW)
            claimed = next(one for one in await stored.claim(store, NOW) if one.invoice_id == "inv_1")
            changes = (FoundChange("acme", "invoice.paid", FoundBy.POLL),) * missed
            await SqlPollQueue(store).record([replace(stored.polled(claimed, NOW), found_changes=changes)], {})
        await SqlHints(store).take([HintedIds("acme", ("inv_2",))], NOW)
        await SqlHints(store).count({("acme", HintOutcome.ACCEPTED): 1})


@pytest.mark.parametrize(
    ("missed", "shown", "noted", "explained"),
    [
        (0, "working, 100% of changes", "acme: hints work: the forecast is for", "Hints of acme work: the policy"),
        (5, "stopped, 38% of changes", "warning: acme: hints have stopped", "Hints of acme have stopped"),
    ],
)
def test_hints_are_shown_where_plans_and_sources_are(
    history: Terminal, missed: int, shown: str, noted: str, explained: str
) -> None:
    asyncio.run(take_hints(history.folder / "config" / "watcher.db", missed))
    planned, listed = history.type("plan"), history.type("sources")
    assert shown in planned.out
    assert shown in listed.out
    assert noted in planned.err
    for line in (history.type("plan --json").lines[0], history.type("sources --json").lines[0]):
        hints = cast("dict[str, Any]", line["hints"])
        assert (hints["state"], hints["outcomes"]) == (shown.partition(",")[0], {"accepted": 1})
    assert "A hint named it, and its poll goes before those that the policy planned." in why(history, "inv_2")
    assert explained in why(history, "inv_3")


def test_plan_is_a_table_for_people(history: Terminal) -> None:
    ran = history.type("plan")
    assert ran.code == 0
    assert "expected delay" in ran.out
    assert "11m (median 11m, of 21)" in ran.out


def test_plan_says_what_a_delay_costs(history: Terminal) -> None:
    (shown,) = history.type("plan --slo 2m --json").lines
    assert shown["slo"] == "2m"
    assert cast("int", shown["needed_requests_per_day"]) > cast("int", shown["requests_per_day"])
    assert "2m on average needs every = " in history.type("plan --slo 2m").out
    (never,) = history.type("plan --slo 1s --json").lines
    assert (never["needed_every"], never["needed_rate"]) == (None, None)
    assert "is impossible" in history.type("plan --slo 1s").out


def test_invoices_that_are_not_watched_can_be_planned_for(history: Terminal) -> None:
    line = "plan --invoices 20000 --rate 3/s --provider meteroid --slo 1h"
    (shown,) = history.type(f"{line} --json").lines
    assert (shown["source"], shown["open_invoices"], shown["looks_per_day"]) == (None, 20_000, 233_280)
    assert shown["expected_delay_evenly"] == "1h2m"
    assert shown["rate_used"] == 0.9
    assert str(shown["expected_delay"]).startswith("27m"), "as learned, some are likelier to change than others"
    assert "meteroid: 1h on average needs every" in history.type(line).out


def test_without_any_configuration_all_invoices_are_alike(tmp_path: Path, terminal: Terminal) -> None:
    nowhere = tmp_path / "nowhere.toml"
    ran = terminal.run("plan", "--invoices", "1000", "--provider", "fragment", "--every", "1h", "--config", nowhere)
    assert ran.code == 0
    assert "30m" in ran.out
    assert "no change was found yet" in ran.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("plan --rate 3/s", "give --invoices too"),
        ("plan --invoices 5", "needs --provider"),
        ("plan --invoices 5 --provider stipe", "did you mean 'stripe'?"),
        ("plan --invoices 5 --provider rapyd --rate fast", "'fast' is not a rate"),
        ("plan --slo soon", "'soon' is not a duration"),
        ("plan --slo 0s", "too short"),
    ],
)
def test_what_cannot_be_planned_is_bad_usage(terminal: Terminal, line: str, words: str) -> None:
    ran = terminal.type(line)
    assert ran.code == 2
    assert words in " ".join(ran.err.replace("│", " ").split())


def test_explain_gives_the_numbers_behind_an_interval(history: Terminal) -> None:
    near = history.type("explain acme inv_1 --json").document
    far = history.type("explain acme inv_11 --json").document
    numbers, others = (cast("dict[str, Any]", one["adaptive"]) for one in (near, far))
    assert (numbers["stage"], others["stage"]) == ("-1d to 0d", "-21d to -14d")
    assert numbers["hazard_per_day"] == round(42.5 / 225, 5)
    assert others["hazard_per_day"] == round(0.5 / 435, 5)
    assert numbers["kappa"] == others["kappa"] > 0
    assert numbers["weight"] == 1
    assert near["next_poll_at"] == (NOW + timedelta(minutes=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert near["last_changed_at"] == near["last_polled_at"]


def test_explain_says_it_in_words(history: Terminal) -> None:
    ran = history.type("explain acme inv_1")
    assert ran.code == 0
    assert 'The policy is "adaptive"' in ran.out
    assert "before its due instant. Of open meteroid invoices there, 18.89% change in a day" in ran.out
    assert "A clock event may be due" in ran.out
    assert "Last poll" in ran.out


def test_explain_names_the_rule_that_decides(history: Terminal) -> None:
    assert "The last 2 polls failed (HTTP 500)" in why(history, "inv_21")
    assert "was never polled" in why(history, "inv_new")
    assert "not watched any more" in why(history, "inv_gone")


def test_explain_of_a_fixed_source_and_of_a_weighted_one(history: Terminal) -> None:
    config = history.folder / "config" / "watcher.toml"
    text = config.read_text()
    config.write_text(text + '[polling]\npolicy = "fixed"\nevery = "5m"\n')
    assert 'The policy is "fixed": every 5m.' in why(history, "inv_1")
    (shown,) = history.type("plan --json").lines
    assert (shown["expected_delay"], shown["looks_per_day"]) == ("2m30s", 21 * 288)
    (shown,) = history.type("plan --slo 1m --json").lines
    assert shown["needed_every"] == "2m"
    config.write_text(text + '[polling]\nweight = "amount"\n')
    assert "By its amount it weighs" in why(history, "inv_1")
    config.write_text(text + '[polling]\npolicy = "cron"\ncron = "0 8 * * *"\n')
    assert '"0 8 * * *" in UTC' in why(history, "inv_1")
    assert history.type("plan --json").lines[0]["expected_delay"] is None


def test_an_invoice_that_was_never_watched_is_not_explained(history: Terminal) -> None:
    ran = history.type("explain acme inv_111")
    assert (ran.code, ran.out) == (1, "")
    assert "no invoice 'inv_111'" in ran.err
    assert history.type("explain nobody inv_1").code == 1
