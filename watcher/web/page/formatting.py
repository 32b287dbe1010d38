"""Formats values for the page: instants, money, links."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

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


def when(at: str | datetime | None, now: datetime, *, past: str | None = None) -> Markup:
    """An instant as people say it, with the exact one as its title; a dash for none.

    `past` replaces one that has passed.
    """
    if at is None:
        return Markup('<span class="none">{}</span>').format(NONE)
    instant = read_instant(at) if isinstance(at, str) else at
    exact = instant_text(instant)
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(
        exact, past if past and instant <= now else _distance(instant, now)
    )


def _distance(instant: datetime, now: datetime) -> str:
    distance = abs(now - instant)
    if distance < _SOON:
        return "now"
    if distance > _LONG_AGO:
        return instant.date().isoformat()
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


def link(path: str, parameters: Mapping[str, object]) -> str:
    """A path with its parameters, without empty ones."""
    given = {name: value for name, value in parameters.items() if value not in {None, ""}}
    return f"{path}?{urlencode(given)}" if given else path


def shown(value: object) -> str:
    """The value of a snapshot's field for people; as JSON only if there is nothing better."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or NONE  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] -- JSON
    return str(value)
