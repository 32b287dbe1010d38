"""The demo's own parts; the whole of it is an acceptance test."""

import json
import stat
from pathlib import Path

import anyio
import pytest

from watcher.cli.commands.demo.audience import Audience
from watcher.cli.commands.demo.screen import event_line, result_table, step_line
from watcher.cli.commands.demo.stage import write_files
from watcher.cli.commands.demo.tally import Sent, Tally
from watcher.cli.output import console
from watcher.sandbox import Delivery
from watcher.sandbox.lives import LIVES, Life

LIFE = LIVES[0]


def delivery(event_id: str, event_type: str, *, verified: bool = True, duplicate: bool = False) -> Delivery:
    data = {"event_id": event_id, "source": LIFE.provider, "invoice_id": LIFE.id}
    body = json.dumps({"type": event_type, "timestamp": "2026-11-22T10:00:00Z", "data": data}).encode()
    return Delivery(event_id, event_type, body, verified, 12.5, "/hooks", duplicate)


def missing_after(*deliveries: Delivery) -> list[str]:
    audience = Audience()
    for one in deliveries:
        audience.saw(one)
    return list(audience.missing(LIFE))


def all_of(life: Life) -> list[Delivery]:
    return [delivery(f"evt_{number}", event) for number, event in enumerate(life.expects)]


def test_a_life_whose_events_all_came_misses_nothing() -> None:
    assert missing_after(*all_of(LIFE)) == []


def test_an_event_that_did_not_verify_or_came_twice_does_not_count() -> None:
    first, *rest = all_of(LIFE)
    forged = delivery(first.id, first.type, verified=False)
    again = delivery(first.id, first.type, duplicate=True)

    assert missing_after(forged, again, *rest) == [f"{LIFE.provider} {LIFE.id}: {first.type}"]


async def test_a_life_goes_on_as_soon_as_its_last_step_is_reported() -> None:
    audience, gone_on = Audience(), anyio.Event()

    async def live() -> None:
        await audience.until(LIFE, ["invoice.tracked", "invoice.partially_paid"])
        gone_on.set()

    async with anyio.create_task_group() as group:
        group.start_soon(live)
        audience.saw(delivery("evt_1", "invoice.tracked"))
        await anyio.wait_all_tasks_blocked()
        assert not gone_on.is_set()
        audience.saw(delivery("evt_2", "invoice.partially_paid"))
        with anyio.fail_after(5):
            await gone_on.wait()


def tally(sent: dict[str, str], arrived: list[Delivery]) -> Tally:
    events = {event_id: Sent(event_type, LIFE.provider, LIFE.id) for event_id, event_type in sent.items()}
    return Tally(events, arrived, [one for one in arrived if one.verified and not one.duplicate])


def test_sent_and_received_are_compared_by_id() -> None:
    arrived = [delivery("evt_1", "invoice.paid"), delivery("evt_1", "invoice.paid", duplicate=True)]

    complete = tally({"evt_1": "invoice.paid"}, arrived)
    lacking = tally({"evt_1": "invoice.paid", "evt_2": "invoice.paid"}, arrived)

    assert (complete.is_complete, complete.lost, complete.duplicates) == (True, 0, 1)
    assert (lacking.is_complete, lacking.lost) == (False, 1)


def test_one_wrong_signature_spoils_the_result() -> None:
    arrived = [delivery("evt_1", "invoice.paid"), delivery("evt_2", "invoice.paid", verified=False)]

    assert not tally({"evt_1": "invoice.paid"}, arrived).is_complete


def test_lines_of_events_are_aligned() -> None:
    lines = [event_line(one, since=2.0).plain for one in all_of(LIFE)]

    assert len({line.index(LIFE.provider) for line in lines}) == 1
    assert lines[0].startswith(" 10.5s  ✓ verified  invoice.tracked ")


def test_a_step_is_aligned_with_the_events_that_it_leads_to() -> None:
    (event, *_), (step, *_) = all_of(LIFE), LIFE.steps

    for wide in (True, False):
        line, shown = event_line(event, 0, wide=wide).plain, step_line(LIFE, step, 1.5, wide=wide).plain
        assert shown.index(LIFE.provider) == line.index(LIFE.provider)
        assert shown.startswith("  1.5s  ·")
        assert shown.endswith(step.description)


def test_the_table_has_each_invoice_and_ends_with_the_sum(capsys: pytest.CaptureFixture[str]) -> None:
    arrived = [delivery("evt_1", "invoice.paid")]
    console().print(result_table(tally({"evt_1": "invoice.paid", "evt_2": "invoice.voided"}, arrived), LIVES[:2]))

    first, second, total = (line.split() for line in capsys.readouterr().out.splitlines()[-3:])
    assert first == [LIFE.provider, LIFE.id, "paid,", "voided", "2", "1"]
    assert second == [LIVES[1].provider, LIVES[1].id, "-", "0", "0"]
    assert (total[0], total[-2:]) == ("all", ["2", "1"])


def test_secrets_are_written_for_their_owner_alone(tmp_path: Path) -> None:
    write_files(tmp_path, {"secrets/key": "s3cret"})

    assert stat.S_IMODE((tmp_path / "secrets" / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
