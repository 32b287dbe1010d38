"""Forecasts, without a request, how late changes will be detected, and what detecting them sooner costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from types import MappingProxyType

from watcher.config.settings import Configuration, Policy, PollingSettings, SourceSettings, Weight
from watcher.config.values.durations import format_duration, format_rate
from watcher.core.scheduling.allocation import (
    RATE_SHARE,
    Census,
    Limits,
    PollAllocation,
    WeightedGroup,
    allocate,
    budget_for,
    budget_of,
    interval_rule,
)
from watcher.core.scheduling.hazard import DAY, UNIFORM, Curve, Tally
from watcher.ports import DetectionDelay, Item
from watcher.providers.toolkit.kind import ProviderKind
from watcher.store import DelayStats, SqlHazardStats, Store

MEASURED_SINCE = timedelta(days=30)
_MANY = 30
"""How many measured delays it takes to doubt the forecast."""
_FAR = 2.0
_MINUTE = timedelta(minutes=1)
_PERCENTILE = 0.95
_UNITS = (("s", 1), ("m", 60), ("h", 3600))


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast of one source. `spent` is in polls a day; `delay` is None where there is no forecast (cron)."""

    source: str | None
    provider: str
    polling: PollingSettings
    rate: float
    open_invoices: float
    groups: Sequence[WeightedGroup]
    spent: float
    delay: timedelta | None
    delay_by_value: timedelta | None
    changes_learned: int
    batch_size: int

    @property
    def limits(self) -> Limits:
        return limits_of(self.polling)

    @property
    def requests(self) -> float:
        """Requests a day, with full batches."""
        return self.spent / self.batch_size

    @property
    def evenly(self) -> timedelta | None:
        """The delay that these polls would give if all invoices were polled equally often."""
        return self.open_invoices / self.spent / 2 * DAY if self.spent else None


def limits_of(polling: PollingSettings) -> Limits:
    return Limits(polling.every, polling.fastest, polling.slowest)


Delays = tuple[timedelta, ...]


async def forecast_all(
    store: Store, configuration: Configuration, now: datetime, counted: Mapping[str, Census] = MappingProxyType({})
) -> tuple[tuple[Forecast, Delays], ...]:
    """The forecast of each enabled source as it is now, and the delays that were measured there.

    `counted` are censuses that the caller has just taken: each one reads everything that is open.
    """
    found: list[tuple[Forecast, Delays]] = []
    for source in configuration.sources.values():
        if source.enabled:
            census = counted.get(source.name)
            if census is None:
                weighted = source.polling.weight is Weight.AMOUNT
                census = await SqlHazardStats(store).census(source.name, source.provider, now, weighted=weighted)
            delays = await DelayStats(store).delays(source.name, now - MEASURED_SINCE)
            found.append((of_source(source, census, now), delays))
    return tuple(found)


def allocation_of(source: SourceSettings, census: Census, now: datetime) -> PollAllocation:
    """The allocation that a running service uses now."""
    return allocate(
        census,
        now,
        limits_of(source.polling),
        rate=source.rate,
        batch_size=source.kind.batch_size,
        weighted=source.polling.weight is Weight.AMOUNT,
    )


def of_source(source: SourceSettings, census: Census, now: datetime) -> Forecast:
    allocation = allocation_of(source, census, now)
    return _forecast(
        source.name, source.kind, source.polling, rate=source.rate, groups=allocation.groups, census=census
    )


def of_description(
    kind: ProviderKind,
    polling: PollingSettings,
    *,
    invoices: int,
    rate: float,
    learned: Mapping[str, Mapping[int, Tally]],
) -> Forecast:
    """A census of described invoices: distributed like those polled so far, or all alike without any."""
    census = Census({}, learned)
    return _forecast(None, kind, polling, rate=rate, groups=_alike(invoices, learned), census=census)


def _alike(invoices: int, learned: Mapping[str, Mapping[int, Tally]]) -> tuple[WeightedGroup, ...]:
    days = sum(tally.days for tallies in learned.values() for tally in tallies.values())
    if not days:
        return (WeightedGroup(invoices, UNIFORM.hazards[0]),)
    curves = {status: Curve.learned(tallies) for status, tallies in learned.items()}
    return tuple(
        WeightedGroup(invoices * tally.days / days, curves[status].hazards[stage])
        for status, tallies in learned.items()
        for stage, tally in tallies.items()
        if tally.days
    )


def _forecast(
    source: str | None,
    kind: ProviderKind,
    polling: PollingSettings,
    *,
    rate: float,
    groups: Sequence[WeightedGroup],
    census: Census,
) -> Forecast:
    count, batch_size = sum(group.count for group in groups), kind.batch_size
    if polling.policy is Policy.ADAPTIVE:
        budget = budget_of(count, limits_of(polling), rate=rate, batch_size=batch_size, share=census.share)
        placed = interval_rule(groups, budget, limits_of(polling))
        spent, delay = placed.polls_per_day(groups), placed.delay(groups)
        by_value = placed.delay(groups, by_value=True)
    else:
        spent = min(count / (polling.every / DAY), rate * batch_size * DAY.total_seconds())
        delay = by_value = count / spent / 2 * DAY if spent and polling.policy is Policy.FIXED else None
    return Forecast(
        source=source,
        provider=kind.name,
        polling=polling,
        rate=rate,
        open_invoices=count,
        groups=groups,
        spent=spent,
        delay=delay,
        delay_by_value=by_value if polling.weight is Weight.AMOUNT else None,
        changes_learned=sum(tally.events for tallies in census.learned.values() for tally in tallies.values()),
        batch_size=batch_size,
    )


async def detection_delays(
    store: Store, configuration: Configuration, now: datetime, counted: Mapping[str, Census], *, is_first: bool = False
) -> tuple[DetectionDelay, ...]:
    """Forecasts and measured delays, for display.

    None open means nothing at the first count, before the watch lists are applied, nor while first polls are due.
    """
    found: list[DetectionDelay] = []
    for one, delays in await forecast_all(store, configuration, now, counted):
        is_known = bool(one.open_invoices) or not (
            is_first or await DelayStats(store).awaits_first_poll(one.source or "")
        )
        mean, median, p95 = _summary(delays) or (None, None, None)
        found.append(
            DetectionDelay(
                source=one.source or "",
                policy=one.polling.policy.value,
                open_invoices=round(one.open_invoices) if is_known else None,
                expected=one.delay,
                changes=len(delays),
                mean=mean,
                median=median,
                p95=p95,
                doubt=doubt(one, delays),
            )
        )
    return tuple(found)


def _summary(delays: Sequence[timedelta]) -> tuple[timedelta, timedelta, timedelta] | None:
    """The mean, median and 95th percentile of the measured delays of changes that providers date."""
    if not delays:
        return None
    ordered = sorted(delays)
    mean = sum(ordered, timedelta(0)) / len(ordered)
    return mean, ordered[len(ordered) // 2], ordered[int(len(ordered) * _PERCENTILE)]


def measured(delays: Sequence[timedelta]) -> Item | None:
    """`_summary`, as `--json` shows it."""
    found = _summary(delays)
    if found is None:
        return None
    mean, median, p95 = map(period, found)
    return {"changes": len(delays), "mean": mean, "median": median, "p95": p95}


def document(forecast: Forecast, delays: Sequence[timedelta], slo: timedelta | None) -> Item:
    """As `--json` shows it."""
    polling = forecast.polling
    shown: Item = {
        "source": forecast.source,
        "provider": forecast.provider,
        "policy": polling.policy.value,
        "weight": polling.weight.value,
        "every": format_duration(polling.every),
        "rate": format_rate(forecast.rate),
        "open_invoices": round(forecast.open_invoices),
        "looks_per_day": round(forecast.spent),
        "requests_per_day": round(forecast.requests),
        "rate_used": round(forecast.requests / DAY.total_seconds() / forecast.rate, 3),
        "expected_delay": period(forecast.delay),
        "expected_delay_by_value": period(forecast.delay_by_value),
        "expected_delay_evenly": period(forecast.evenly),
        "changes_learned": forecast.changes_learned,
        "measured_delay": measured(delays),
        "doubt": doubt(forecast, delays),
    }
    return shown if slo is None else shown | _cost(forecast, slo)


def _cost(forecast: Forecast, slo: timedelta) -> Item:
    """What detecting changes within `slo` on average takes; nulls if `fastest` rules it out."""
    is_adaptive = forecast.polling.policy is Policy.ADAPTIVE
    # The other policies poll all invoices alike, however likely they are to change.
    groups = forecast.groups if is_adaptive else (WeightedGroup(forecast.open_invoices, UNIFORM.hazards[0]),)
    budget = budget_for(groups, slo, forecast.limits) if forecast.open_invoices else None
    shown: Item = {"slo": format_duration(slo)}
    if budget is None:
        return shown | dict.fromkeys(("needed_every", "needed_requests_per_day", "needed_rate"))
    needed = budget / forecast.batch_size
    return shown | {
        "needed_every": period(forecast.open_invoices / budget * DAY),
        "needed_requests_per_day": round(needed),
        "needed_rate": _rate_text(needed / DAY.total_seconds() / RATE_SHARE),
    }


def doubt(forecast: Forecast, delays: Sequence[timedelta]) -> str | None:
    """A sentence if forecast and measurement differ."""
    if forecast.delay is None or len(delays) < _MANY:
        return None
    seen = sorted(delays)[len(delays) // 2]
    if seen <= _FAR * forecast.delay + _MINUTE:
        return None
    return (
        f"{forecast.source}: half of the changes were detected later than {period(seen)}, the forecast is "
        f"{period(forecast.delay)} on average: is the account failing, is the rate too low, or are changes dated back?"
    )


def period(length: timedelta | None) -> str | None:
    """To about a thousandth, as people write it."""
    if length is None:
        return None
    step = timedelta(seconds=1) if length < timedelta(hours=1) else _MINUTE
    return format_duration(round(length / step) * step) if length >= step else format_duration(length)


def _rate_text(rate: float) -> str:
    """The next higher rate that can be configured."""
    unit, seconds = next((unit, seconds) for unit, seconds in _UNITS if rate * seconds >= 1 or unit == "h")
    return f"{max(1, ceil(rate * seconds))}/{unit}"
