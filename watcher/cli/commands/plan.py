"""`plan` and `explain`: how late changes will be detected, and why an invoice is polled when."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from typing import Annotated, cast

import anyio
import typer

from watcher.cli.arguments import InvoiceArgument, SourceArgument
from watcher.cli.commands.sources import hints_text
from watcher.cli.known_providers import known_kind
from watcher.cli.open_store import known_source, opened, unknown
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import Column, Item, counted, field, print_answer, print_document, print_list, print_note
from watcher.clock import SystemClock
from watcher.config.settings import PollingSettings
from watcher.config.values.durations import format_duration, parse_duration, parse_rate
from watcher.core.errors import ConfigError, NotFound, SchemaMismatch, StoreUnavailable
from watcher.core.scheduling.hazard import Tally
from watcher.core.scheduling.hint_state import HintState
from watcher.daemon.explain import explain as explained
from watcher.daemon.planner import document, forecast_all, of_description
from watcher.store import HintSummaries, SqlHazardStats, hint_item

app = top_level()


def _duration(text: str) -> timedelta:
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from error
    if not length:
        raise typer.BadParameter(f"{text!r} is too short, must be more than 0")
    return length


def _rate(text: str) -> float:
    try:
        return parse_rate(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from error


def _measured(item: Item) -> str:
    seen = cast("Mapping[str, object] | None", item["measured_delay"])
    return "-" if seen is None else f"{seen['mean']} (median {seen['median']}, of {seen['changes']})"


_COLUMNS = (
    field("source", "source"),
    field("provider", "provider"),
    field("policy", "policy"),
    field("open", "open_invoices", right=True),
    field("polls/day", "looks_per_day", right=True),
    field("requests/day", "requests_per_day", right=True),
    Column("of rate", lambda item: f"{cast('float', item['rate_used']):.0%}", right=True),
    field("expected delay", "expected_delay"),
    field("evenly", "expected_delay_evenly"),
    Column("measured", _measured),
    Column("hints", lambda item: hints_text(item["hints"])),
)


@command(app, "plan", "plan --invoices 20000 --rate 3/s --provider rapyd --slo 1h")
def plan(
    invocation: Invocation,
    *,
    invoices: Annotated[
        int | None, typer.Option("--invoices", min=1, help="Plan for this many open invoices instead of those watched.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option("--provider", help="Their provider, one of `provider list`; with --invoices.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", parser=_rate, metavar="RATE", help="Such as 3/s; with --invoices.", show_default=False),
    ] = None,
    every: Annotated[
        timedelta | None,
        typer.Option("--every", parser=_duration, metavar="DURATION", help="Such as 15m; with --invoices."),
    ] = None,
    slo: Annotated[
        timedelta | None,
        typer.Option(
            "--slo", parser=_duration, metavar="DURATION", help="Say what detecting changes within this time costs."
        ),
    ] = None,
) -> None:
    """Forecast how late changes will be detected on average, and how many requests that takes. Asks no provider."""
    if invoices is None and (provider or rate or every):
        raise typer.BadParameter("--provider, --rate and --every describe invoices: give --invoices too")
    if invoices is not None and provider is None:
        raise typer.BadParameter("--invoices needs --provider, one of `provider list`")
    if invoices is None or provider is None:
        items = anyio.run(_plan, invocation, slo)
    else:
        items = [anyio.run(partial(_described, invocation, provider, invoices, rate=rate, every=every, slo=slo))]
    _print(invocation, items, slo)


async def _plan(invocation: Invocation, slo: timedelta | None) -> Sequence[Item]:
    now = SystemClock().now()
    async with opened(invocation) as store:
        found = await forecast_all(store.store, store.loaded.configuration, now)
        hints = await HintSummaries(store.store).of_all(now)
    return [
        {**document(forecast, delays, slo), "hints": hint_item(hints.get(forecast.source or ""))}
        for forecast, delays in found
    ]


async def _described(
    invocation: Invocation,
    provider: str,
    invoices: int,
    *,
    rate: float | None,
    every: timedelta | None,
    slo: timedelta | None,
) -> Item:
    polling = PollingSettings() if every is None else PollingSettings(every=every)
    try:
        kind = known_kind(invocation, provider)
    except NotFound as error:
        raise typer.BadParameter(str(error)) from error
    learned = await _learned(invocation, provider)
    forecast = of_description(kind, polling, invoices=invoices, rate=rate or kind.rate, learned=learned)
    return {**document(forecast, (), slo), "hints": None}


async def _learned(invocation: Invocation, provider: str) -> Mapping[str, Mapping[int, Tally]]:
    """What the database has learned about such invoices; nothing without a database or configuration."""
    async with AsyncExitStack() as stack:
        with suppress(ConfigError, StoreUnavailable, SchemaMismatch):
            store = await stack.enter_async_context(opened(invocation))
            census = await SqlHazardStats(store.store).census("", provider, SystemClock().now(), weighted=False)
            return census.learned
    return {}


def _print(invocation: Invocation, items: Sequence[Item], slo: timedelta | None) -> None:
    print_list(invocation, items, _COLUMNS, empty="No source is enabled.")
    if invocation.as_json:
        return
    for item in items:
        if slo is not None:
            print_answer(_cost(item, format_duration(slo)))
        if not item["changes_learned"]:
            name = item["source"] or item["provider"]
            print_note(
                f"{name}: no change was found yet: the forecast assumes that all invoices are equally likely to change."
            )
        if (note := _hints_note(item)) is not None:
            print_note(note)
        if item["doubt"]:
            print_note(f"warning: {item['doubt']}")


def _hints_note(item: Item) -> str | None:
    hints = cast("Mapping[str, object] | None", item["hints"])
    if hints is None or hints["state"] == HintState.WAITING.value:
        return None
    if hints["state"] == HintState.STOPPED.value:
        return f"warning: {item['source']}: hints have stopped, so that the forecast is for polls alone."
    return f"{item['source']}: hints work: the forecast is for the changes that they do not bring."


def _cost(item: Item, slo: str) -> str:
    name = item["source"] or item["provider"]
    if item["needed_every"] is None:
        return f"{name}: {slo} on average is impossible: nothing is open, or `fastest` rules it out."
    return (
        f'{name}: {slo} on average needs every = "{item["needed_every"]}", '
        f'{item["needed_requests_per_day"]} requests a day, and a rate of at least "{item["needed_rate"]}".'
    )


@command(app, "explain", "explain acme inv_1001")
def explain(invocation: Invocation, source: SourceArgument, invoice_id: InvoiceArgument) -> None:
    """Explain when an invoice is polled and why: policy, hazard, weight, limits, the clock, and the last polls."""
    anyio.run(_explain, invocation, source, invoice_id)


async def _explain(invocation: Invocation, source: str, invoice_id: str) -> None:
    async with opened(invocation) as store:
        known_source(store.loaded, source)
        settings = store.loaded.configuration.sources[source]
        explanation = await explained(store.store, settings, invoice_id, SystemClock().now())
        if explanation is None:
            watched = [str(row["invoice_id"]) for row in await store.reports.watch_list(source=source)]
            raise unknown("invoice", invoice_id, watched, f"of source {source!r}")
    if invocation.as_json:
        print_document(explanation)
        return
    for sentence in cast("Sequence[str]", explanation["why"]):
        print_answer(sentence)
    print_answer(_last_polls(explanation))


def _last_polls(explanation: Item) -> str:
    if explanation["last_polled_at"] is None:
        return "There was no poll yet."
    parts = [f"Last poll {explanation['last_polled_at']}", f"last answer {explanation['last_answered_at'] or 'none'}"]
    parts.append(f"last change {explanation['last_changed_at'] or 'none'}")
    failures = cast("int", explanation["failures"])
    return "; ".join(parts) + (f"; {counted(failures, 'failure')} in a row." if failures else ".")
