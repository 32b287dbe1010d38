"""Instants, dates and periods as text, and the local end of a due day."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)), ("s", timedelta(seconds=1)))
_RESOLUTION = timedelta(microseconds=1)


def instant_text(at: datetime) -> str:
    """RFC 3339 in UTC with `Z`, and with as many fraction digits as needed."""
    iso = at.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (iso.rstrip("0") if "." in iso else iso) + "Z"


def read_instant(text: str) -> datetime:
    """The inverse of `instant_text`. Raises ValueError."""
    return datetime.fromisoformat(text).astimezone(UTC)


def period_text(period: timedelta) -> str:
    """A period as the configuration writes it: `7d`, `1h30m`, `500ms`."""
    parts, rest = "", period
    for name, unit in _UNITS:
        count, rest = divmod(rest, unit)
        parts += f"{count}{name}" if count else ""
    milliseconds = rest // timedelta(milliseconds=1)
    return parts + (f"{milliseconds}ms" if milliseconds else "") or "0s"


def end_of_day(day: date, timezone: ZoneInfo) -> datetime | None:
    """The first instant of the next local day, or None where it cannot be computed (years 1 and 9999).

    If the clocks skip midnight, it is the instant of the skip; if midnight comes twice, it is the first one.
    """
    if not 1 < day.year < date.max.year:
        return None
    following = day + timedelta(days=1)
    midnight = datetime(following.year, following.month, following.day)  # noqa: DTZ001 - local wall time, zone below
    late = midnight.replace(tzinfo=timezone, fold=0).astimezone(UTC)
    if _wall(late, timezone) == midnight:
        return late
    early = midnight.replace(tzinfo=timezone, fold=1).astimezone(UTC)
    while late - early > _RESOLUTION:
        middle = early + (late - early) // 2
        early, late = (early, middle) if _wall(middle, timezone) >= midnight else (middle, late)
    return late


def local_date(at: datetime, timezone: ZoneInfo) -> date:
    """The local calendar day of an instant; its UTC day at the ends of the calendar, where no local day exists."""
    try:
        return at.astimezone(timezone).date()
    except OverflowError:
        return at.astimezone(UTC).date()


def _wall(at: datetime, timezone: ZoneInfo) -> datetime:
    return at.astimezone(timezone).replace(tzinfo=None)
