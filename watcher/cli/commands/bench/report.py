"""What `bench` prints: a table and what it means, or one document."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import watcher
from watcher.cli.commands.bench.measuring import Throughput
from watcher.cli.output import Column, console, field, print_document, table
from watcher.config.values.durations import format_duration
from watcher.ports import Item

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Report:
    """`bare_gets` and `bare_posts` are requests a second of the bare loops."""

    database: str
    every: timedelta
    first_polls: Throughput
    polls: Throughput
    deliveries: Throughput
    bare_gets: float
    bare_posts: float

    @property
    def carries(self) -> int:
        """How many invoices can be polled once per `every`."""
        return int(self.polls.per_second * self.every.total_seconds())

    @property
    def deliveries_a_day(self) -> int:
        return int(self.deliveries.per_second * _DAY.total_seconds())

    def document(self) -> Mapping[str, object]:
        return {
            "version": watcher.__version__,
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "database": self.database,
            "first_polls": _measured(self.first_polls, self.bare_gets),
            "polls": _measured(self.polls, self.bare_gets),
            "deliveries": _measured(self.deliveries, self.bare_posts),
            "carries": {"every": format_duration(self.every), "invoices": self.carries},
            "deliveries_per_day": self.deliveries_a_day,
        }


def print_report(report: Report, *, as_json: bool) -> None:
    if as_json:
        print_document(report.document())
        return
    output = console()
    output.print(
        f"invoice-watcher {watcher.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"{report.database}\n",
        markup=False,
        soft_wrap=True,
    )
    output.print(table(_rows(report), _COLUMNS))
    output.print(_meaning(report), markup=False, soft_wrap=True)


def _measured(measured: Throughput, bare: float) -> Mapping[str, object]:
    cost = measured.cpu_microseconds
    return {
        "per_second": round(measured.per_second),
        "bare_per_second": round(bare),
        "ratio": round(measured.per_second / bare, 2),
        "cpu_share": None if measured.cpu_share is None else round(measured.cpu_share, 2),
        "cpu_microseconds": None if cost is None else round(cost),
        "count": measured.count,
    }


def _rows(report: Report) -> list[Item]:
    return [
        _row("polls that find nothing new", report.polls, report.bare_gets),
        _row("first polls, each with an event", report.first_polls, report.bare_gets),
        _row("deliveries", report.deliveries, report.bare_posts),
    ]


def _row(name: str, measured: Throughput, bare: float) -> Item:
    cost = measured.cpu_microseconds
    return {
        "what": name,
        "per_second": f"{measured.per_second:,.0f}",
        "bare": f"{bare:,.0f}",
        "ratio": f"{measured.per_second / bare:.2f}",
        "cpu": None if measured.cpu_share is None else f"{measured.cpu_share:.0%}",
        "cost": None if cost is None else f"{cost:,.0f} µs",
    }


_COLUMNS: tuple[Column, ...] = (
    field("measured", "what"),
    field("a second", "per_second", right=True),
    field("bare loop", "bare", right=True),
    field("ratio", "ratio", right=True),
    field("of a core", "cpu", right=True),
    field("CPU each", "cost", right=True),
)


def _meaning(report: Report) -> str:
    return (
        f"\nAt one poll per {format_duration(report.every)} and invoice, this machine carries {report.carries:,} "
        f"invoices, and it delivers {report.deliveries_a_day:,} webhooks a day.\n"
        "What a provider allows is usually less: at 5/s, one account carries "
        f"{int(5 * report.every.total_seconds()):,} invoices at that pace.\n"
        "The bare loop is this machine's aiohttp client, which asks the same server and does nothing else."
    )
