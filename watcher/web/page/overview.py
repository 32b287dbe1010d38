"""The overview: the state of everything on one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from watcher.core.invoices.invoice import Status
from watcher.core.scheduling.hint_state import HintState
from watcher.ports import (
    Age,
    DeliveryState,
    DetectionDelay,
    EndpointHealth,
    Figures,
    HintSummary,
    MoneyUnit,
    SourceHealth,
    Sum,
    WatchState,
)
from watcher.web.page import charts, overview_charts
from watcher.web.page.charts import Part
from watcher.web.page.view import PageRequest, View

_WINDOW = timedelta(minutes=15)
"""The period of the polls in `Figures.planned` and of the requests in `Backend.requests`."""
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_AGES = {
    Age.WEEK: "up to 7 days",
    Age.MONTH: "8 to 30 days",
    Age.TWO_MONTHS: "31 to 60 days",
    Age.QUARTER: "61 to 90 days",
    Age.OLDER: "over 90 days",
}
_STATES = (
    DeliveryState.DELIVERED,
    DeliveryState.PENDING,
    DeliveryState.DELIVERING,
    DeliveryState.PARKED,
    DeliveryState.DEAD,
    DeliveryState.SUPERSEDED,
    DeliveryState.CANCELLED,
)


_WAITS = ("delivery waits", "deliveries wait")


@dataclass(frozen=True, slots=True)
class SourceRow:
    """`made` are the requests of the last quarter of an hour, `allowed` those that the rate allows in one.

    `planned` are the polls that become due within the next one.
    """

    health: SourceHealth
    rate: str | None
    watches: Mapping[str, int]
    planned: int
    made: int
    allowed: int | None
    bar: tuple[Part, ...]

    @property
    def total(self) -> int:
        return sum(self.watches.values())


@dataclass(frozen=True, slots=True)
class EndpointRow:
    health: EndpointHealth
    counts: tuple[int, ...]
    bar: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class SumRow:
    """`label` names the invoices, `parameters` find them in the list."""

    label: str
    sum: Sum
    bar: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class MoneyTable:
    money_unit: MoneyUnit
    rows: tuple[SumRow, ...]


@dataclass(frozen=True, slots=True)
class DetectionDelayRow:
    """All bars have the same scale: the longest delay that is shown."""

    detection_delays: DetectionDelay
    expected: tuple[Part, ...]
    measured: tuple[Part, ...]


async def overview(page_request: PageRequest) -> View:
    backend = page_request.backend
    cached = await backend.dashboard_cache.current()
    figures = cached.figures if cached else Figures()
    sources, endpoints = (
        await backend.dashboard.sources(page_request.now),
        await backend.dashboard.endpoints(page_request.now),
    )
    detection_delays = backend.detection_delays()
    hints = await backend.hints(page_request.now)
    context: dict[str, object] = {
        "cached": cached,
        "figures": figures,
        "watches": sum(figures.watches.values()),
        "waiting": sum(figures.waiting(one.name) for one in endpoints),
        "dead": sum(count for (_, state), count in figures.deliveries.items() if state == DeliveryState.DEAD),
        "sources": [
            _source(one, backend.rates().get(one.name), backend.requests().get(one.name, 0), figures) for one in sources
        ],
        "hints": hints,
        "endpoints": _endpoints(endpoints, figures),
        "replicas": await backend.reports.replicas(page_request.now),
        "detection_delays": None if detection_delays is None else _detection_delay(detection_delays),
        "delivery_states": _STATES,
        "money": _by_status(figures),
        "overdue": _by_age(figures),
        "events_today": list(figures.events.values())[-1] if figures.events else 0,
        "charts": {
            "weeks": overview_charts.due_weeks(figures, page_request.now),
            "hours": overview_charts.hours(figures),
            "delays": overview_charts.delays(figures),
            "days": overview_charts.days(figures),
        },
        "attention": [
            *_attention(figures, sources, endpoints),
            *_stopped_hints(hints),
            *((one.doubt, "#delays") for one in detection_delays or () if one.doubt),
        ],
    }
    return View("overview.html", "overview", context)


def allowance(rate: str, period: timedelta) -> int:
    """How many requests a rate such as `5/s` allows in a period."""
    count, _, unit = rate.partition("/")
    return int(count) * int(period.total_seconds()) // _SECONDS[unit]


def _source(health: SourceHealth, rate: str | None, made: int, figures: Figures) -> SourceRow:
    watches = {state: count for (source, state), count in figures.watches.items() if source == health.name}
    allowed = allowance(rate, _WINDOW) if rate else None
    bar = charts.bar([("calm", made)], allowed or 0)
    return SourceRow(health, rate, watches, figures.planned.get(health.name, 0), made, allowed, bar)


def _detection_delay(found: Sequence[DetectionDelay]) -> list[DetectionDelayRow]:
    lengths = {one.source: (_seconds(one.expected), _seconds(one.mean)) for one in found}
    longest = max((seconds for both in lengths.values() for seconds in both), default=0)
    return [
        DetectionDelayRow(
            one,
            charts.bar([("rest", lengths[one.source][0])], longest),
            charts.bar([("calm", lengths[one.source][1])], longest),
        )
        for one in found
    ]


def _seconds(length: timedelta | None) -> int:
    return 0 if length is None else int(length.total_seconds())


def _endpoints(endpoints: tuple[EndpointHealth, ...], figures: Figures) -> list[EndpointRow]:
    counts = {one.name: tuple(figures.deliveries.get((one.name, state), 0) for state in _STATES) for one in endpoints}
    whole = max((sum(found) for found in counts.values()), default=0)
    return [
        EndpointRow(one, counts[one.name], charts.bar(list(zip(_STATES, counts[one.name], strict=True)), whole))
        for one in endpoints
    ]


def _by_status(figures: Figures) -> list[MoneyTable]:
    """Bars are as long as the total, within one currency; paid and due are their parts."""
    tables: list[MoneyTable] = []
    for money_unit in sorted({money_unit for money_unit, _ in figures.money}):
        sums = [
            (status, figures.money[money_unit, status]) for status in Status if (money_unit, status) in figures.money
        ]
        most = max(found.total for _, found in sums)
        rows = [SumRow(status, found, _parts(found, most)) for status, found in sums]
        tables.append(MoneyTable(money_unit, tuple(rows)))
    return tables


def _by_age(figures: Figures) -> list[MoneyTable]:
    tables: list[MoneyTable] = []
    for money_unit in sorted({money_unit for money_unit, _ in figures.overdue_money}):
        sums = [(words, figures.overdue_money.get((money_unit, age), _NONE)) for age, words in _AGES.items()]
        most = max(found.due for _, found in sums)
        rows = [SumRow(words, found, charts.bar([("bad", found.due)], most)) for words, found in sums]
        tables.append(MoneyTable(money_unit, tuple(rows)))
    return tables


_NONE = Sum(0, Decimal(0), Decimal(0), Decimal(0))


def _parts(found: Sum, most: Decimal) -> tuple[Part, ...]:
    rest = found.total - found.paid - found.due
    return charts.bar([("paid", found.paid), ("due", found.due), ("rest", max(rest, Decimal(0)))], most)


def _attention(
    figures: Figures, sources: tuple[SourceHealth, ...], endpoints: tuple[EndpointHealth, ...]
) -> list[tuple[str, str]]:
    """What needs attention: a sentence, and a link."""
    found = [(f"Source {one.name} is {one.state}.", "#sources") for one in sources if one.state != "active"]
    found += [
        (f"Endpoint {one.name} is {one.state}: {_counted(figures.waiting(one.name), *_WAITS)}.", "/endpoints")
        for one in endpoints
        if one.state != "active"
    ]
    for state, one, many in (
        (
            WatchState.FAILING,
            "invoice could not be read at the last poll",
            "invoices could not be read at the last poll",
        ),
        (WatchState.NOT_FOUND, "invoice is not known to its provider", "invoices are not known to their provider"),
        (WatchState.ORPHANED, "watch has a source that is not configured any more", "watches have no source any more"),
    ):
        count = sum(number for (_, seen), number in figures.watches.items() if seen == state)
        if count:
            found.append((f"{_counted(count, one, many)}.", f"/watches?state={state}"))
    dead = sum(count for (_, state), count in figures.deliveries.items() if state == DeliveryState.DEAD)
    if dead:
        words = _counted(dead, "delivery was given up", "deliveries were given up")
        found.append((f"{words}.", "/deliveries?state=dead"))
    return found


def _stopped_hints(hints: Mapping[str, HintSummary]) -> list[tuple[str, str]]:
    return [
        (
            f"Hints of source {name} have stopped: {', '.join(one.missing)} was found without one, again and again.",
            "#sources",
        )
        for name, one in sorted(hints.items())
        if one.state is HintState.STOPPED
    ]


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
