"""`demo`: the real service between a sandbox of billing providers and a receiver that verifies, on loopback."""

import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import anyio
import typer
from anyio.abc import Process

from watcher.cli.commands.demo.audience import Audience
from watcher.cli.commands.demo.screen import Screen
from watcher.cli.commands.demo.stage import last_lines, service, stop, write_files
from watcher.cli.commands.demo.tally import Tally, hinted, sent_events
from watcher.cli.open_store import opened, unknown
from watcher.cli.options import Invocation, command, top_level
from watcher.ports import Item
from watcher.sandbox import DEMO_HINT_SECRETS, PROVIDERS, Delivery, HintTarget, Receiver, Sandbox
from watcher.sandbox.demo import CONFIG_FILE, demo_files
from watcher.sandbox.lives import DEMO_PROVIDERS, HINTED, HINTED_LIVES, Life, lives_of, prepare
from watcher.sandbox.server import free_port

app = top_level()

TIME_LIMIT = 50.0
"""Seconds that the demo may take; a good run needs about half."""

_INTERRUPTED = 130
_MORE_THAN_ANY_PLAY = 10_000
_HINTED_AT = "meteroid"


@dataclass(frozen=True, slots=True)
class Show:
    """What is played, where, and for whom."""

    sandbox: Sandbox
    receiver: Receiver
    audience: Audience
    screen: Screen
    providers: Sequence[str]

    @property
    def is_hinted(self) -> bool:
        return _HINTED_AT in self.providers

    @property
    def lives(self) -> tuple[Life, ...]:
        return lives_of(self.providers) + (HINTED_LIVES if self.is_hinted else ())


@dataclass(slots=True)
class Ending:
    """Why the demo ended early, if it did."""

    interrupted: bool = False
    stopped_by_itself: bool = False


@command(app, "demo", "demo --provider stripe")
def demo(
    invocation: Invocation,
    provider: Annotated[
        list[str] | None,
        typer.Option(
            "--provider",
            metavar="NAME",
            help=f"Only this provider; may be repeated. One of {', '.join(PROVIDERS)}; else the first five.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """See all of it work on this machine, in a minute: no account, no configuration, nothing left behind.

    Starts the billing APIs of a sandbox, the real service and a receiver that verifies signatures; plays the lives of
    some invoices; prints what happens to each at its provider, and each event as it arrives; and compares what was sent
    with what was received. Exits 1 if anything is missing.
    """
    chosen = tuple(dict.fromkeys(provider or DEMO_PROVIDERS))
    for name in chosen:
        if name not in PROVIDERS:
            raise unknown("provider", name, PROVIDERS, "is in the sandbox")
    raise typer.Exit(anyio.run(_demo, invocation, chosen))


async def _demo(invocation: Invocation, providers: Sequence[str]) -> int:
    screen, audience = Screen(as_json=invocation.as_json), Audience()

    def arrived(delivery: Delivery) -> None:
        screen.show(delivery)
        audience.saw(delivery)

    with tempfile.TemporaryDirectory(prefix="invoice-watcher-demo-") as name:
        async with Sandbox() as sandbox, Receiver(on_delivery=arrived) as receiver:
            return await _perform(Show(sandbox, receiver, audience, screen, providers), Path(name))


async def _perform(show: Show, folder: Path) -> int:
    screen, receiver = show.screen, show.receiver
    _set_up(show, folder)
    configuration, log = folder / CONFIG_FILE, folder / "service.log"
    screen.open(show.lives, show.sandbox.base_urls)
    async with service(configuration, log) as process:
        ending = await _play(process, show, configuration)
        code = await stop(process)
    if ending.interrupted:
        screen.complain("interrupted")
        return _INTERRUPTED
    if ending.stopped_by_itself or code != 0:
        screen.complain(f"the service ended with exit code {code}; the last of its log:\n{last_lines(log)}")
        return 1
    recorded = await _recorded(configuration)
    tally = Tally(sent_events(recorded), receiver.deliveries, receiver.verified, hinted(recorded))
    missing = [line for life in show.lives for line in show.audience.missing(life)]
    screen.close(tally, missing, show.lives)
    return 0 if tally.is_complete and not missing else 1


def _set_up(show: Show, folder: Path) -> None:
    """Write the bills and the configuration."""
    sandbox, hints_listen = show.sandbox, ""
    prepare(sandbox)
    if show.is_hinted:
        hints_listen = f"127.0.0.1:{free_port()}"
        target = HintTarget(f"http://{hints_listen}/hints/{HINTED}", DEMO_HINT_SECRETS[_HINTED_AT])
        sandbox.hints.targets[_HINTED_AT] = target
    write_files(folder, demo_files(sandbox, show.receiver.url("/hooks"), show.providers, hints_listen=hints_listen))


async def _play(process: Process, show: Show, configuration: Path) -> Ending:
    """Play all lives at once, until every event has arrived, time is up, the service ends or the user interrupts."""
    ending = Ending()
    with anyio.move_on_after(TIME_LIMIT):
        async with anyio.create_task_group() as watchers:
            watchers.start_soon(_end_on_signal, ending, watchers.cancel_scope)
            watchers.start_soon(_end_with, process, ending, watchers.cancel_scope)
            async with anyio.create_task_group() as players:
                for life in show.lives:
                    players.start_soon(_live, life, show)
            await _last_arrival(show, configuration)
            watchers.cancel_scope.cancel()
    return ending


async def _live(life: Life, show: Show) -> None:
    """Take each step at its time, once the events of the step before have arrived: a slow machine takes longer."""
    expected = list(life.expects[: len(life.expects) - sum(len(step.expects) for step in life.steps)])
    await show.audience.until(life, expected)
    began = anyio.current_time()
    sandbox = show.sandbox
    bill = sandbox.ledger.bill(life.provider, life.id)
    for step in life.steps:
        await anyio.sleep_until(began + step.at.total_seconds())
        show.screen.happened(life, step)
        step.act(sandbox.ledger, bill, sandbox.clock.now())
        expected += step.expects
        await show.audience.until(life, expected)


async def _last_arrival(show: Show, configuration: Path) -> None:
    """Wait until all that was recorded has arrived: other events may come after the last one that is expected."""
    while True:
        news = show.audience.news
        if sent_events(await _recorded(configuration)).keys() <= {one.id for one in show.receiver.verified}:
            return
        await news.wait()


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
