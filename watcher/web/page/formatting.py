"""Formats values for the page: instants, money, links."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from markupsafe import Markup

from watcher.core.instants import instant_text, read_instant

NONE = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"
_UNITS = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("min", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
)
_SOON = timedelta(seconds=1)
_LONG_AGO = timedelta(days=60)


def when(at: str | datetime | None, now: datetime, zone: ZoneInfo, *, past: str | None = None) -> Markup:
    """An instant as people say it, with the exact one in this zone as its title; a dash for none.

    `past` replaces one that has passed. The attribute `datetime` is always UTC.
    """
    if at is None:
        return Markup('<span class="none">{}</span>').format(NONE)
    instant = read_instant(at) if isinstance(at, str) else at
    words = past if past and instant <= now else _distance(instant, now, zone)
    return _time(instant, local_text(instant, zone), words)


def exactly(at: str | datetime, zone: ZoneInfo) -> Markup:
    """An instant to the second, in this zone."""
    instant = read_instant(at) if isinstance(at, str) else at
    local = local_text(instant, zone)
    return _time(instant, local, local)


def _time(instant: datetime, title: str, words: str) -> Markup:
    return Markup('<time datetime="{}" title="{}">{}</time>').format(instant_text(instant), title, words)


def local_text(instant: datetime, zone: ZoneInfo) -> str:
    """`2026-12-01 18:30:00 CET`; with the offset from UTC where the zone has no abbreviation."""
    local = _local(instant, zone)
    name, offset = local.strftime("%Z"), local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M:%S} {name if name.isalpha() else f'UTC{offset[:3]}:{offset[3:5]}'}"


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    try:
        return instant.astimezone(zone)
    except OverflowError:  # in the first or last hours of all time
        return instant.astimezone(UTC)


def _distance(instant: datetime, now: datetime, zone: ZoneInfo) -> str:
    distance = abs(now - instant)
    if distance < _SOON:
        return "now"
    if distance > _LONG_AGO:
        return _local(instant, zone).date().isoformat()
    distance_text = period(distance)
    return f"{distance_text} ago" if instant < now else f"in {distance_text}"


def period(length: timedelta) -> str:
    """The largest unit of a period, counted: `3 min`."""
    name, unit = next((one for one in _UNITS if length >= one[1]), _UNITS[-1])
    return f"{length // unit} {name}"


def grouped(amount: object) -> str:
    """An exact decimal or whole number with separated thousands; no digit changes."""
    digits_text = format(amount, "f") if not isinstance(amount, str | int) else str(amount)
    sign, digits = (_MINUS, digits_text[1:]) if digits_text.startswith("-") else ("", digits_text)
    whole, dot, decimals = digits.partition(".")
    if not whole.isdigit():
        return digits_text
    return f"{sign}{int(whole):,}{dot}{decimals}"


def invoice_path(source: object, invoice_id: object) -> str:
    return f"/invoices/{quote(str(source), safe='')}/{quote(str(invoice_id), safe='')}"


def customer_path(source: object, customer_id: object) -> str:
    return f"/customers/{quote(str(source), safe='')}/{quote(str(customer_id), safe='')}"


def age(item: Mapping[str, object], now: datetime) -> Markup:
    """For how many days there has been an invoice, with the day since when; a dash for an unknown one."""
    began = next((str(item[name])[:10] for name in ("issued_on", "finalized_at", "created_at") if item[name]), None)
    if began is None:
        return Markup('<span class="none">{}</span>').format(NONE)
    days = (now.date() - date.fromisoformat(began)).days
    word = "issued" if item["issued_on"] else "known to the provider"
    return Markup('<span title="{} on {}">{} d</span>').format(word, began, grouped(days))


def link(path: str, parameters: Mapping[str, object]) -> str:
    """A path with its parameters, without empty ones."""
    given = {name: value for name, value in parameters.items() if value not in {None, ""}}
    return f"{path}?{urlencode(given)}" if given else path


ORIGINS = {
    "file": "watch list",
    "cli": "command line",
    "api": "API",
    "added": "page",
    "discovered": "discovery",
}
"""What wants an invoice watched, in words."""


def wanted_by(origins: Iterable[str]) -> str:
    return ", ".join(ORIGINS.get(one, one) for one in origins)


def change_text(value: object, name: str, zone: ZoneInfo) -> str | Markup:
    """The value of a snapshot's field before or after a change; instants in this zone."""
    if isinstance(value, str) and name.endswith("_at"):
        return exactly(value, zone)
    return shown(value)


def shown(value: object) -> str:
    """The value of a snapshot's field for people; as JSON only if there is nothing better."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or NONE  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] -- JSON
    return str(value)
