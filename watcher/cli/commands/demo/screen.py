"""What the demo prints: one line per event as it arrives, and at the end what was sent and what was received."""

import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from rich.table import Table
from rich.text import Text

from watcher.cli.output import console, field, print_line, table
from watcher.core import json_text
from watcher.core.invoices.event import EventType
from watcher.ports import FoundBy, Item
from watcher.sandbox import Delivery
from watcher.sandbox.lives import HINTED

COLUMNS = (
    field("event", "event"),
    field("sent", "sent", right=True),
    field("received and verified", "received", right=True),
)
_TYPE_WIDTH = max(len(event_type) for event_type in EventType)
_PROVIDER_WIDTH = len("chargeover")
_ID_WIDTH = 12
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


@dataclass(frozen=True, slots=True)
class Tally:
    """`sent` are the types of the recorded events, by id; `verified` has each event once.

    `hinted` are the changes that hints led to: the seconds from the provider's time of each to its poll, None if it has
    no time.
    """

    sent: Mapping[str, str]
    arrived: Sequence[Delivery]
    verified: Sequence[Delivery]
    hinted: Sequence[float | None] = ()

    @property
    def received(self) -> dict[str, str]:
        return {delivery.id: delivery.type for delivery in self.verified}

    @property
    def lost(self) -> int:
        return len(self.sent.keys() - self.received.keys())

    @property
    def duplicates(self) -> int:
        return sum(delivery.duplicate for delivery in self.arrived)

    @property
    def is_complete(self) -> bool:
        """Every recorded event arrived, nothing else did, and every signature was right."""
        return self.sent == self.received and all(delivery.verified for delivery in self.arrived)


class Screen:
    """With `as_json`, standard output has only the bodies, one a line, and everything else goes to standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._output = console(sys.stderr if as_json else sys.stdout)
        self._began = time.monotonic()

    def open(self, invoices: int, providers: int) -> None:
        self._began = time.monotonic()
        self._output.print(
            f"{providers} billing providers, the service and a receiver run on this machine; "
            f"{invoices} invoices live their lives. ✓ marks a verified signature.\n",
            markup=False,
        )

    def show(self, delivery: Delivery) -> None:
        if self._as_json:
            print_line(json_text.read(delivery.body))
        line = event_line(delivery, self._began, wide=self._output.width >= _WIDE)
        self._output.print(line, no_wrap=True, overflow="ellipsis", crop=True)

    def complain(self, words: str) -> None:
        self._output.print(words, style="red", markup=False)

    def close(self, tally: Tally, missing: Sequence[str]) -> None:
        self._output.print()
        self._output.print(result_table(tally))
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
        self._output.print(_next_commands() if fine else "Something is missing: see above.", markup=False)


def event_id(event: Item) -> str:
    return str(cast("Mapping[str, object]", event["data"])["event_id"])


def hinted(events: Iterable[Item]) -> list[float | None]:
    """`Tally.hinted` of these events."""
    return [_delay(event) for event in events if event["found_by"] == FoundBy.HINT.value]


def _delay(event: Item) -> float | None:
    happened = cast("Mapping[str, str | None]", event["data"]).get("occurred_at")
    if happened is None:
        return None
    return (datetime.fromisoformat(str(event["timestamp"])) - datetime.fromisoformat(happened)).total_seconds()


def event_line(delivery: Delivery, since: float, *, wide: bool = True) -> Text:
    """One event, aligned with all others; a narrow line has the mark without the word."""
    body = cast("dict[str, object]", json_text.read(delivery.body))
    data = cast("dict[str, object]", body["data"])
    word, mark_style = ("✓ verified", "green") if delivery.verified else ("✗ REFUSED ", "bold red")
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


def result_table(tally: Tally) -> Table:
    sent, received = Counter(tally.sent.values()), Counter(tally.received.values())
    rows: list[dict[str, object]] = [
        {"event": event_type.value, "sent": sent[event_type], "received": received[event_type]}
        for event_type in EventType
        if sent[event_type] or received[event_type]
    ]
    rows.append({"event": "all", "sent": sent.total(), "received": received.total()})
    return table(rows, COLUMNS)


def _next_commands() -> str:
    program = _program()
    steps = {
        "init mine": "writes mine/watcher.toml, every key explained",
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
