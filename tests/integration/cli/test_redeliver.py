"""`redeliver` and `endpoints enable|disable` on a database with a history, without a running service."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes.life import BEGINS_AT
from tests.integration.cli.history import LIFE, seed
from tests.integration.cli.terminal import Terminal
from watcher.core.instants import instant_text

COUNT = sum(len(stage.bodies) for stage in LIFE)
DAY = BEGINS_AT.date().isoformat()


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("seeded") / "watcher.db"
    asyncio.run(seed(file))
    return file


@pytest.fixture(autouse=True)
def database(folder: Path, seeded: Path) -> Path:
    file = folder / "config" / "watcher.db"
    file.write_bytes(seeded.read_bytes())
    return file


def states(terminal: Terminal) -> list[object]:
    return [line["state"] for line in terminal.type("deliveries --json").lines]


def test_a_dry_run_counts_and_changes_nothing(terminal: Terminal) -> None:
    before = states(terminal)
    ran = terminal.type(f"redeliver --endpoint ledger --since {DAY} --dry-run --json")

    assert ran.document == {"deliveries": COUNT, "dry_run": True}
    assert states(terminal) == before


def test_a_range_is_sent_again(terminal: Terminal) -> None:
    assert "delivered" in states(terminal)
    ran = terminal.type(f"redeliver --endpoint ledger --since {DAY}")

    assert (ran.code, ran.out) == (0, f"{COUNT} webhooks will be sent again\n")
    assert states(terminal) == ["pending"] * COUNT


@pytest.mark.parametrize("since", ["{first}", "{zoned}", "{day}", "36500d"])
def test_a_moment_is_an_instant_a_date_or_how_long_ago(since: str, terminal: Terminal) -> None:
    first = instant_text(LIFE[0].at)
    zoned = f"{(LIFE[0].at + timedelta(hours=2)).replace(tzinfo=None).isoformat()}+02:00"
    words = since.format(first=first, zoned=zoned, day=DAY)
    until = instant_text(LIFE[1].at)
    ran = terminal.type(f"redeliver --endpoint ledger --since {words} --until {until} --dry-run --json")

    assert ran.document["deliveries"] == len(LIFE[0].bodies)


def test_the_instant_that_the_help_shows_is_understood(terminal: Terminal) -> None:
    (shown,) = re.findall(r"2026-11-22\S+(?=,)", terminal.type("redeliver --help").out)

    assert terminal.type(f"redeliver --endpoint ledger --since {shown} --dry-run").code == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--event evt_1 --invoice acme inv_1", "give one of"),
        ("--dry-run", "give one of"),
        ("--endpoint ledger", "go together"),
        ("--event evt_1 --since 2h", "go together"),
        ("--event evt_1 --until 2h", "go together"),
        ("--endpoint ledger --since yesterday", "is no moment"),
        ("--endpoint ledger --since 2026-13-01", "is no moment"),
        ("--endpoint ledger --since 2026-11-22T10:00:00", "lacks its time zone"),
        ("--endpoint ledger --since 2h --until 3h", "--until is not after --since"),
    ],
)
def test_a_wrong_choice_is_bad_usage(line: str, words: str, terminal: Terminal) -> None:
    ran = terminal.type(f"redeliver {line}")

    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


def test_a_range_of_an_endpoint_that_is_not_there_is_met_with_the_nearest_one(terminal: Terminal) -> None:
    ran = terminal.type("redeliver --endpoint leger --since 2h")

    assert (ran.code, ran.out) == (1, "")
    assert "did you mean 'ledger'?" in ran.err


def test_a_range_of_an_endpoint_that_is_switched_off_in_the_configuration_is_refused(terminal: Terminal) -> None:
    config = terminal.folder / "config" / "watcher.toml"
    config.write_text(config.read_text() + "enabled = false\n")
    ran = terminal.type("redeliver --endpoint ledger --since 2h")

    assert (ran.code, ran.out) == (1, "")
    assert "`enabled = false`" in ran.err


def test_an_endpoint_is_disabled_and_enabled_once_with_what_waits(terminal: Terminal) -> None:
    off, again, on, once_more = (
        terminal.type(f"endpoints {verb} ledger") for verb in ("disable", "disable", "enable", "enable")
    )

    waiting = f"{COUNT - 1} webhooks"
    assert [ran.code for ran in (off, again, on, once_more)] == [0, 0, 0, 0]
    assert off.out == f"ledger is disabled; {waiting} wait until it is enabled\n"
    assert again.out == f"ledger was already disabled; {waiting} wait until it is enabled\n"
    assert on.out == f"ledger is enabled; {waiting} go out now, in order\n"
    assert once_more.out == f"ledger was already enabled; {waiting} go out now, in order\n"


def test_switching_for_programs_is_the_listed_endpoint_and_whether_it_changed(terminal: Terminal) -> None:
    off = terminal.type("endpoints disable ledger --json")
    (listed,) = terminal.type("endpoints list --json").lines

    assert off.document == {**listed, "changed": True}
    assert listed["state"] == "disabled"


def test_sending_again_to_a_disabled_endpoint_says_that_it_waits(terminal: Terminal) -> None:
    terminal.type("endpoints disable ledger")
    ran = terminal.type(f"redeliver --endpoint ledger --since {DAY}")

    assert ran.out == f"{COUNT} webhooks will be sent again\n"
    assert "ledger is disabled" in ran.err


def test_enabling_what_the_configuration_switches_off_says_so(terminal: Terminal) -> None:
    config = terminal.folder / "config" / "watcher.toml"
    config.write_text(config.read_text() + "enabled = false\n")
    ran = terminal.type("endpoints enable ledger")

    assert ran.code == 0
    assert "`enabled = false`" in ran.err


def test_an_endpoint_that_no_run_has_seen_cannot_be_switched(terminal: Terminal) -> None:
    config = terminal.folder / "config" / "watcher.toml"
    config.write_text(config.read_text().replace("[endpoints.ledger]", "[endpoints.fresh]"))
    seen, unseen = terminal.type("endpoints disable ledger"), terminal.type("endpoints disable fresh")

    assert (seen.code, unseen.code) == (0, 1)
    assert "no run has seen the endpoint 'fresh' yet" in unseen.err


def test_switching_an_unknown_endpoint_is_met_with_the_nearest_one(terminal: Terminal) -> None:
    ran = terminal.type("endpoints enable leger")

    assert (ran.code, ran.out) == (1, "")
    assert "did you mean 'ledger'?" in ran.err
