"""The charts of the overview."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from watcher.ports import Figures, MoneyUnit, Sum
from watcher.web.page.charts import Chart, Place, Series, column_chart
from watcher.web.page.formatting import period

_WEEK = timedelta(weeks=1)
_NOTHING = Sum(0, Decimal(0), Decimal(0), Decimal(0))


def due_weeks(figures: Figures, now: datetime) -> list[Chart]:
    """For each currency, what is paid and what is still due of the invoices whose due date lies in a week."""
    mondays = sorted({monday for _, monday in figures.due_weeks})
    if not mondays:
        return []
    current = now.date() - timedelta(days=now.weekday())
    first, last = min(mondays[0], current), max(mondays[-1], current)
    weeks = [first + number * _WEEK for number in range((last - first) // _WEEK + 1)]
    units = sorted({money_unit for money_unit, _ in figures.due_weeks})
    return [chart for unit in units if (chart := _due_weeks(figures, unit, weeks, current)) is not None]


def _due_weeks(figures: Figures, money_unit: MoneyUnit, weeks: list[date], current: date) -> Chart | None:
    sums = [figures.due_weeks.get((money_unit, monday), _NOTHING) for monday in weeks]
    if not any(found.paid > 0 or found.due > 0 for found in sums):
        return None
    # Credit notes may have been paid out: such a week has no column, and the table of money by status has its sum.
    paid = [max(found.paid, Decimal(0)) for found in sums]
    unit = f"{money_unit.currency}{' in minor units' if money_unit.minor else ''}"
    direction = ", payable" if money_unit.direction == "payable" else ""
    return column_chart(
        f"weeks-{money_unit.direction}-{money_unit.currency.lower()}{'-minor' if money_unit.minor else ''}",
        f"{unit}{direction}",
        "Due in the week from",
        [_week(monday, current) for monday in weeks],
        [Series("paid", "paid", paid), Series("due", "due", [found.due for found in sums])],
        unit=unit,
    )


def _week(monday: date, current: date) -> Place:
    if monday == current:
        return Place("this week", f"{monday.isoformat()}, this week")
    return Place(f"{monday.day} {monday:%b}", monday.isoformat())


def hours(figures: Figures) -> Chart | None:
    """Deliveries of the last day; None if nothing was sent."""
    if not any(hour.delivered or hour.failed for hour in figures.hours):
        return None
    return column_chart(
        "hours",
        "Attempts by hour, in UTC",
        "Hour from",
        [Place(f"{hour.began_at:%H:%M}", f"{hour.began_at:%Y-%m-%d %H:%M}") for hour in figures.hours],
        [
            Series("delivered", "delivered", [hour.delivered for hour in figures.hours]),
            Series("failed", "bad", [hour.failed for hour in figures.hours]),
        ],
        unit="attempts",
    )


def delays(figures: Figures) -> Chart | None:
    """How soon changes were detected; None if no provider has dated one."""
    bands = figures.delay_bands
    if not any(band.polled or band.hinted for band in bands):
        return None
    series = [Series("found by a poll", "calm", [band.polled for band in bands])]
    if any(band.hinted for band in bands):
        series.append(Series("found after a hint", "paid", [band.hinted for band in bands]))
    places = [
        Place("longer", "longer") if band.up_to is None else Place(period(band.up_to), f"within {period(band.up_to)}")
        for band in bands
    ]
    return column_chart("delays-bands", "Changes by how soon they were seen", "Seen", places, series, unit="changes")


def days(figures: Figures) -> Chart | None:
    """Events by day; None if there were none."""
    if not any(figures.events.values()):
        return None
    places = [Place(f"{day.day} {day:%b}", day.isoformat()) for day in figures.events]
    series = [Series("events", "calm", list(figures.events.values()))]
    return column_chart("days-events", "Events by day, in UTC", "Day", places, series, unit="events")
