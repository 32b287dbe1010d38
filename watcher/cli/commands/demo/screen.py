"""What the demo prints: what happens at the providers, each event as it arrives, and at the end both compared."""

import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from rich.table import Table
from rich.text import Text

from watcher.cli.commands.demo.tally import Tally
from watcher.cli.output import console, counted, field, print_line, table
from watcher.core import json_text
from watcher.core.invoices.event import EventType
from watcher.sandbox import Delivery
from watcher.sandbox.lives import HINTED, Life, Step

COLUMNS = (
    field("source", "source"),
    field("invoice", "invoice"),
    field("events", "events"),
    field("sent", "sent", right=True),
    field("verified", "received", right=True),
)
_TYPE_WIDTH = max(len(event_type) for event_type in EventType)
_PROVIDER_WIDTH = len("chargeover")
_ID_WIDTH = 12
_VERIFIED = "✓ verified"
_WIDE = 115
_SIDE_AMOUNTS = ("credited", "refunded", "written_off")
_GOOD = frozenset({"invoice.paid", "invoice.overdue_cleared", "invoice.partially_paid", "invoice.restored"})
_BAD = frozenset(
    {
        "invoice.overdue",
        "invoice.overdue_reminder",
        "invoice.payment_failed",
        "invoice.payment_reversed",
        "invoice.marked_uncollectible",
        "invoice.deleted",
        "invoice.voided",
    }
)


class Screen:
    """With `as_json`, standard output has only the bodies, one a line, and everything else goes to standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._output = console(sys.stderr if as_json else sys.stdout)
        self._began = time.monotonic()

    def open(self, lives: Sequence[Life], base_urls: Mapping[str, str]) -> None:
        self._began = time.monotonic()
        invoices = Counter((life.source_name, life.provider) for life in lives)
        self._output.print(
            f"The service polls the invoices of {counted(len(invoices), 'source')} in a sandbox on this machine, and "
            "sends what it finds to a receiver, which verifies each signature:",
            markup=False,
        )
        for (source, provider), count in invoices.items():
            words = f"  {source:<{_PROVIDER_WIDTH}}  {counted(count, 'invoice'):<10}  {base_urls[provider]}"
            self._output.print(words, markup=False, highlight=False)
        self._output.print()

    def happened(self, life: Life, step: Step) -> None:
        """What a life does next."""
        after = time.monotonic() - self._began
        line = step_line(life, step, after, wide=self._output.width >= _WIDE)
        self._output.print(line, no_wrap=True, overflow="ellipsis", crop=True)

    def show(self, delivery: Delivery) -> None:
        if self._as_json:
            print_line(json_text.read(delivery.body))
        line = event_line(delivery, self._began, wide=self._output.width >= _WIDE)
        self._output.print(line, no_wrap=True, overflow="ellipsis", crop=True)

    def complain(self, words: str) -> None:
        self._output.print(words, style="red", markup=False)

    def close(self, tally: Tally, missing: Sequence[str], lives: Sequence[Life]) -> None:
        self._output.print()
        self._output.print(result_table(tally, lives))
        for line in missing:
            self.complain(f"missing: {line}")
        fine = tally.is_complete and not missing
        self._output.print(
            f"\n{len(tally.sent)} events sent, {len(tally.received)} received and verified, {tally.lost} lost, "
            f"{tally.duplicates} duplicates, in {time.monotonic() - self._began:.0f} s.",
            style="bold green" if fine else "bold red",
        )
        if tally.hinted:
            longest = max((delay for delay in tally.hinted if delay is not None), default=0)
            self._output.print(
                f"{HINTED}: polls are an hour apart there, and yet its {len(tally.hinted)} changes were found within "
                f"{longest:.1f} s, because the provider's own webhooks named the invoice.",
                markup=False,
            )
        self._output.print(_next_commands(lives) if fine else "Something is missing: see above.", markup=False)


def event_line(delivery: Delivery, since: float, *, wide: bool = True) -> Text:
    """One event, aligned with all others; a narrow line has the mark without the word."""
    body = cast("dict[str, object]", json_text.read(delivery.body))
    data = cast("dict[str, object]", body["data"])
    word, mark_style = (_VERIFIED, "green") if delivery.verified else ("✗ REFUSED ", "bold red")
    style = "green" if delivery.type in _GOOD else "red" if delivery.type in _BAD else "cyan"
    line = Text()
    line.append(f"{delivery.arrived_at - since:5.1f}s  ", style="dim")
    line.append(f"{word if wide else word[0]}  ", style=mark_style)
    line.append(f"{delivery.type:<{_TYPE_WIDTH}}  ", style=style)
    line.append(f"{data.get('source') or data.get('endpoint') or '':<{_PROVIDER_WIDTH}}  ")
    line.append(f"{_short(str(data.get('invoice_id', ''))):<{_ID_WIDTH}}  ", style="dim")
    line.append(_what(data))
    return line


def _short(invoice_id: str) -> str:
    return invoice_id if len(invoice_id) <= _ID_WIDTH else f"{invoice_id[: _ID_WIDTH - 1]}…"


def _what(data: Mapping[str, object]) -> str:
    invoice = cast("dict[str, object] | None", data.get("invoice"))
    if invoice is None:
        return str(data.get("reason") or "")
    parts = [str(invoice["status"]), *(["overdue"] if invoice["overdue"] else [])]
    for row in cast("Sequence[Mapping[str, str]]", invoice["amounts"]):
        parts.append(f"{row['paid']}/{row['total']} {row['currency']}")
        parts += [f"{row[part]} {part.replace('_', ' ')}" for part in _SIDE_AMOUNTS if row[part].strip("0.")]
    return ", ".join(parts)


def step_line(life: Life, step: Step, after: float, *, wide: bool = True) -> Text:
    """What happens to an invoice at its provider, aligned with the events."""
    line = Text(style="bold")
    line.append(f"{after:5.1f}s  ", style="dim")
    line.append(f"{'·':<{len(_VERIFIED) if wide else 1}}  ", style="dim")
    line.append(f"{'at the provider':<{_TYPE_WIDTH}}  ")
    line.append(f"{life.source_name:<{_PROVIDER_WIDTH}}  ")
    line.append(f"{_short(life.id):<{_ID_WIDTH}}  ", style="dim")
    line.append(step.description)
    return line


def result_table(tally: Tally, lives: Sequence[Life]) -> Table:
    """One row for each invoice, those of the lives first."""
    found, received = tally.by_invoice(), tally.received
    keys = dict.fromkeys([*((life.source_name, life.id) for life in lives), *found])
    rows: list[dict[str, object]] = []
    for source, invoice_id in keys:
        ids = found.get((source, invoice_id), [])
        rows.append(
            {
                "source": source,
                "invoice": _short(invoice_id),
                "events": ", ".join(tally.sent[event_id].type.removeprefix("invoice.") for event_id in ids),
                "sent": len(ids),
                "received": sum(event_id in received for event_id in ids),
            }
        )
    rows.append({"source": "all", "sent": len(tally.sent), "received": len(received)})
    return table(rows, COLUMNS)


def _next_commands(lives: Sequence[Life]) -> str:
    program = _program()
    providers = {life.provider for life in lives}
    only = f"--provider {next(iter(providers))} " if len(providers) == 1 else ""
    steps = {
        f"init {only}mine": "writes mine/watcher.toml, every key explained",
        "check --online --config mine/watcher.toml": "asks each account once",
        "run --config mine/watcher.toml": "polls and delivers until stopped",
    }
    width = max(map(len, steps))
    lines = (f"  {program} {step:<{width}}  {meaning}" for step, meaning in steps.items())
    return "\n".join(("\nWith your own accounts:", *lines))


def _program() -> str:
    """How to call this program from the user's folder: `make demo` does not put it on the PATH."""
    if shutil.which("invoice-watcher"):
        return "invoice-watcher"
    here, installed = Path.cwd(), Path(sys.executable).with_name("invoice-watcher")
    return str(installed.relative_to(here) if installed.is_relative_to(here) else installed)
