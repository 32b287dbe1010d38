"""Where each field of a snapshot comes from, in words made of an adapter file; or why it is absent."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from watcher.config.adapters.expressions import VALUE_KEYS
from watcher.config.adapters.models import ABSENT, AMOUNTS, BY_BALANCE
from watcher.config.adapters.read import Adapter

_FIRST = ("number", "payment_pending", "failed_attempts", "last_payment_error")
"""Those that come before the amounts."""
_PLACES = {"due_on": "due_on, due_at", "customer_id": "customer.id", "customer_name": "customer.name"}


@dataclass(frozen=True, slots=True)
class FieldSource:
    """`origin` is what the field is read from; None if the provider does not show it, and `absent` may say why."""

    field: str
    origin: str | None
    absent: str | None = None


def field_sources(adapter: Adapter, code: Callable[[str], str] = str) -> tuple[FieldSource, ...]:
    """In the order of a snapshot. `code` marks what is a selection or a word of the provider."""
    table = cast("Mapping[str, object]", adapter.file.table["map"])
    return tuple(_Words(table, code).sources(adapter.spec.invoice.id))


class _Words:
    def __init__(self, table: Mapping[str, object], code: Callable[[str], str]) -> None:
        self._map = table
        self._amounts = cast("Mapping[str, object]", table["amounts"])
        self._named = cast("Mapping[str, object]", table.get("values", {}))
        self._absent = cast("Mapping[str, str]", table.get("absent", {}))
        self._code = code

    def sources(self, id_field: str) -> Iterator[FieldSource]:
        yield FieldSource("id", self._code(id_field))
        yield self._of("number")
        yield FieldSource("status", self._status())
        yield from (self._of(key) for key in _FIRST[1:])
        yield FieldSource("amounts.currency", self._code(str(self._amounts["currency"])))
        for key in ("total", "paid", "due"):
            yield FieldSource(f"amounts.{key}", self._value(self._amounts[key]))
        yield from (self._of(key) for key in ABSENT if key not in _FIRST)

    def _of(self, key: str) -> FieldSource:
        """One that a map may leave out."""
        is_amount = key in AMOUNTS
        given, place = (self._amounts, f"amounts.{key}") if is_amount else (self._map, _PLACES.get(key, key))
        raw = given.get("due_at", given.get(key)) if key == "due_on" else given.get(key)
        if raw is None:
            return FieldSource(place, None, self._absent.get(key))
        is_condition = key == "payment_pending"
        return FieldSource(place, self._condition(raw) if is_condition else self._value(raw))

    def _status(self) -> str:
        status = cast("Mapping[str, object]", self._map["status"])
        of = status["of"]
        selections = cast("list[str]", of) if isinstance(of, list) else [str(of)]
        by_balance = " and the balance" if BY_BALANCE in cast("Mapping[str, str]", status["words"]).values() else ""
        return ", ".join(map(self._code, selections)) + by_balance

    def _value(self, raw: object) -> str:
        if isinstance(raw, dict):
            return self._put_together(cast("dict[str, object]", raw))
        text = str(raw)
        if isinstance(raw, int):
            return text
        return self._value(self._named[text[1:]]) if text.startswith("$") else self._code(text)

    def _put_together(self, table: Mapping[str, object]) -> str:
        kind = next(key for key in VALUE_KEYS if key in table)
        inner = table[kind]
        match kind:
            case "sum":
                return f"sum of {self._part(table['of'])} over {self._code(str(table['sum']))}"
            case "count":
                return f"number of {self._code(str(inner))}"
            case "add" | "subtract":
                return f" {'+' if kind == 'add' else '−'} ".join(map(self._part, cast("list[object]", inner)))  # noqa: RUF001 -- a minus sign
            case "min" | "max":
                which = "smallest" if kind == "min" else "largest"
                return f"{which} of {', '.join(map(self._value, cast('list[object]', inner)))}"
            case _:
                words = (self._part(table["then"]), self._condition(table["if"]), self._part(table["else"]))
                return "{} if {}, else {}".format(*words)

    def _part(self, raw: object) -> str:
        """In parentheses where it is put together itself."""
        text = self._value(raw)
        return f"({text})" if any(word in text for word in (" + ", " − ", " if ", " over ")) else text  # noqa: RUF001 -- same

    def _condition(self, raw: object) -> str:
        if not isinstance(raw, dict):
            return self._code(raw) if isinstance(raw, str) else str(raw).lower()
        ((kind, inner),) = cast("dict[str, object]", raw).items()
        match kind:
            case "status":
                words = cast("list[str]", inner) if isinstance(inner, list) else [str(inner)]
                return f"the status is {' or '.join(words)}"
            case "positive":
                return f"{self._part(inner)} is above 0"
            case "zero":
                return f"{self._part(inner)} is 0"
            case "not":
                return f"not ({self._condition(inner)})"
            case _:
                word = " and " if kind == "all" else " or "
                return word.join(map(self._condition, cast("list[object]", inner)))
