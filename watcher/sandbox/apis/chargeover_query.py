r"""ChargeOver's list language: `where=field:OP:value,…` (`\,` is a comma in a value), `order`, `limit`, `offset`."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt, ne
from typing import Any
from zoneinfo import ZoneInfo

DEFAULT_LIMIT = 10
MAX_LIMIT = 500

Row = Mapping[str, object]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "EQUALS": eq,
    "NOTEQUALS": ne,
    "GT": gt,
    "LT": lt,
    "GTE": ge,
    "LTE": le,
}
_WORDS = {*_COMPARISONS, "CONTAINS", "IS", "ISNOT"}
_UNESCAPED_COMMA = re.compile(r"(?<!\\),")
_FIELD_NAMES = (
    "invoice_id refnumber customer_id bill_state ship_state bill_country ship_country package_id invoice_index date "
    "invoice_status_str invoice_status_state currency_id token custom_1 custom_2 custom_3 write_datetime mod_datetime"
)
_FIELDS = frozenset(_FIELD_NAMES.split())


class BadQuery(Exception):
    """The query is not valid in ChargeOver's query language."""


@dataclass(frozen=True, slots=True)
class Condition:
    field: str
    word: str
    value: str

    def holds(self, row: Row, zone: ZoneInfo) -> bool:
        cell = row.get(self.field)
        if self.word in {"IS", "ISNOT"}:
            return (cell is None) is (self.word == "IS")
        if self.word == "CONTAINS":
            return cell is not None and self.value.lower() in str(cell).lower()
        if cell is None:
            return self.word == "NOTEQUALS"
        left, right = _comparable(self.field, str(cell), zone), _comparable(self.field, self.value, zone)
        return _COMPARISONS[self.word](left, right)


def parse_where(text: str) -> tuple[Condition, ...]:
    """Conditions that must all hold. Raises BadQuery."""
    if not text:
        return ()
    return tuple(_condition(part.replace("\\,", ",")) for part in _UNESCAPED_COMMA.split(text))


def select(rows: Sequence[Row], query: Mapping[str, str], zone: ZoneInfo) -> list[Row]:
    """The rows of one page. Raises BadQuery."""
    chosen = matching(rows, query, zone)
    limit, offset = _whole(query.get("limit"), DEFAULT_LIMIT), _whole(query.get("offset"), 0)
    field, _, direction = (query.get("order") or "invoice_id:ASC").partition(":")
    if field not in _FIELDS or direction not in {"", "ASC", "DESC"}:
        raise BadQuery("order")
    chosen.sort(key=lambda row: _comparable(field, str(row.get(field)), zone), reverse=direction == "DESC")
    return chosen[offset : offset + min(limit, MAX_LIMIT)]


def matching(rows: Sequence[Row], query: Mapping[str, str], zone: ZoneInfo) -> list[Row]:
    conditions = parse_where(query.get("where", ""))
    try:
        return [row for row in rows if all(condition.holds(row, zone) for condition in conditions)]
    except (ValueError, InvalidOperation) as error:
        raise BadQuery("value") from error


def _condition(text: str) -> Condition:
    field, _, rest = text.partition(":")
    word, colon, value = rest.partition(":")
    if field not in _FIELDS or word not in _WORDS or not colon:
        raise BadQuery(text)
    if word in {"IS", "ISNOT"} and value != "NULL":
        raise BadQuery(text)
    return Condition(field, word, value)


def _comparable(field: str, text: str, zone: ZoneInfo) -> tuple[int, Decimal | datetime | str]:
    """Values of one field sort by their meaning; null sorts first."""
    if text == "None":
        return (0, "")
    if field.endswith("_datetime"):
        instant = datetime.fromisoformat(text)
        return (1, instant if instant.tzinfo else instant.replace(tzinfo=zone))
    if field.endswith("_id"):
        return (1, Decimal(text))
    if field == "date":
        return (1, date.fromisoformat(text).isoformat())
    return (1, text)


def _whole(text: str | None, unsaid: int) -> int:
    if text is None:
        return unsaid
    if not text.isdecimal():
        raise BadQuery("limit or offset")
    return int(text)
