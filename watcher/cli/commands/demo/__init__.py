"""`demo`: the real service between a sandbox of the five providers and a receiver that verifies, on loopback."""

import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path

import anyio
import typer
from anyio.abc import Process

from watcher.cli.commands.demo.audience import Audience
from watcher.cli.commands.demo.screen import Screen, Tally, event_id, hinted
from watcher.cli.commands.demo.stage import free_port, last_lines, service, stop, write_files
from watcher.cli.open_store import opened
from watcher.cli.options import Invocation, command, top_level
from watcher.ports import Item
from watcher.sandbox import DEMO_HINT_SECRETS, Delivery, HintTarget, Receiver, Sandbox
from watcher.sandbox.demo import CONFIG_FILE, demo_files
from watcher.sandbox.lives import HINTED, HINTED_LIVES, LIVES, Life, prepare

app = top_level()

TIME_LIMIT = 50.0
"""Seconds that the demo may take; a good run needs about half."""

_INTERRUPTED = 130
_MORE_THAN_ANY_PLAY = 10_000
_ALL = LIVES + HINTED_LIVES


@dataclass(slots=True)
class Ending:
    """Why the demo ended early, if it did."""

    interrupted: bool = False
    stopped_by_itself: bool = False


@command(app, "demo", "demo")
def demo(invocation: Invocation) -> None:
    """See all of it work on this machine, in a minute: no account, no configuration, nothing left behind.

    Starts the five billing APIs, the real service and a receiver that verifies signatures; plays the lives of some
    invoices; prints each event as it arrives; and compares what was sent with what was received. Exits 1 if anything is
    missing.
    """
    raise typer.Exit(anyio.run(_demo, invocation))


async def _demo(invocation: Invocation) -> int:
    screen, audience = Screen(as_json=invocation.as_json), Audience()

    def arrived(delivery: Delivery) -> None:
        screen.show(delivery)
        audience.saw(delivery)

    with tempfile.TemporaryDirectory(prefix="invoice-watcher-demo-") as name:
        async with Sandbox() as sandbox, Receiver(on_delivery=arrived) as receiver:
            return await _perform(Path(name), sandbox, receiver, audience, screen)


async def _perform(folder: Path, sandbox: Sandbox, receiver: Receiver, audience: Audience, screen: Screen) -> int:
    prepare(sandbox)
    hints_listen = f"127.0.0.1:{free_port()}"
    sandbox.hints.targets["meteroid"] = HintTarget(
        f"http://{hints_listen}/hints/{HINTED}", DEMO_HINT_SECRETS["meteroid"]
    )
    write_files(folder, demo_files(sandbox, receiver.url("/hooks"), hints_listen=hints_listen))
    configuration = folder / CONFIG_FILE
    log = folder / "service.log"
    screen.open(len(_ALL), len(sandbox.base_urls))
    async with service(configuration, log) as process:
        ending = await _play(process, sandbox, audience)
        code = await stop(process)
    if ending.interrupted:
        screen.complain("interrupted")
        return _INTERRUPTED
    if ending.stopped_by_itself or code != 0:
        screen.complain(f"the service ended with exit code {code}; the last of its log:\n{last_lines(log)}")
        return 1
    recorded = await _recorded(configuration)
    sent = {event_id(event): str(event["type"]) for event in recorded}
    tally = Tally(sent, receiver.deliveries, receiver.verified, hinted(recorded))
    missing = [line for life in _ALL for line in audience.missing(life)]
    screen.close(tally, missing)
    return 0 if tally.is_complete and not missing else 1


async def _play(process: Process, sandbox: Sandbox, audience: Audience) -> Ending:
    """Play all lives at once, until every event has arrived, time is up, the service ends or the user interrupts."""
    ending = Ending()
    with anyio.move_on_after(TIME_LIMIT):
        async with anyio.create_task_group() as watchers:
            watchers.start_soon(_end_on_signal, ending, watchers.cancel_scope)
            watchers.start_soon(_end_with, process, ending, watchers.cancel_scope)
            async with anyio.create_task_group() as players:
                for life in _ALL:
                    players.start_soon(_live, life, sandbox, audience)
            watchers.cancel_scope.cancel()
    return ending


async def _live(life: Life, sandbox: Sandbox, audience: Audience) -> None:
    """Take each step at its time, once the events of the step before have arrived: a slow machine takes longer."""
    expected = list(life.expects[: len(life.expects) - sum(len(step.expects) for step in life.steps)])
    await audience.until(life, expected)
    began = anyio.current_time()
    bill = sandbox.ledger.bill(life.provider, life.id)
    for step in life.steps:
        await anyio.sleep_until(began + step.at.total_seconds())
        step.act(sandbox.ledger, bill, sandbox.clock.now())
        expected += step.expects
        await audience.until(life, expected)


async def _end_on_signal(ending: Ending, scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            ending.interrupted = True
            scope.cancel()


async def _end_with(process: Process, ending: Ending, scope: anyio.CancelScope) -> None:
    await process.wait()
    ending.stopped_by_itself = True
    scope.cancel()


async def _recorded(configuration: Path) -> list[Item]:
    """Every event in the service's store."""
    async with opened(Invocation(configuration)) as store:
        return await store.reports.events(limit=_MORE_THAN_ANY_PLAY)
