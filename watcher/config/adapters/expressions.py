"""Reads values and conditions of an adapter file: every mistake in their parts is named with its line."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from watcher.config.toml.messages import meant, one_of, shown
from watcher.config.toml.positions import KeyPath
from watcher.config.toml.reading import Reading, TomlFile
from watcher.core.invoices.invoice import Status
from watcher.core.money import MAX_DIGITS
from watcher.providers.adapter_file import values
from watcher.providers.adapter_file.selection import Selection, compiled
from watcher.providers.adapter_file.values import Condition, Value

_T = TypeVar("_T")

_DEEPEST = 12
_MOST = 500
"""Values and conditions of one file."""
_OF_VALUES: Mapping[str, Callable[[Sequence[Value]], Value]] = {
    "add": values.added,
    "subtract": values.subtracted,
    "min": values.smallest,
    "max": values.largest,
}
_OF_CONDITIONS: Mapping[str, Callable[[Sequence[Condition]], Condition]] = {
    "all": values.all_of,
    "any": values.any_of,
}
_OF_ONE: Mapping[str, Callable[[Value], Condition]] = {"positive": values.positive, "zero": values.zero}
VALUE_KEYS = ("sum", "count", *_OF_VALUES, "if")
CONDITION_KEYS = ("status", *_OF_ONE, *_OF_CONDITIONS, "not")
_VALUE = f'a selection, a whole number, "$name" of map.values, or a table with {one_of(VALUE_KEYS)}'
_CONDITION = f"a selection, true, false, or a table with {one_of(CONDITION_KEYS)}"
_NESTING = frozenset({*VALUE_KEYS, *CONDITION_KEYS, "then", "else", "of"})
_PARTS = {"sum": ("sum", "of"), "if": ("if", "then", "else")}


@dataclass(slots=True)
class Expressions:
    """What is wrong becomes a problem, and stands for zero or false in the rest."""

    file: TomlFile
    reading: Reading
    named: Collection[str] = ()
    """The names that `$name` may use at present."""
    _count: int = field(default=0, init=False)

    def value(self, raw: object, path: KeyPath) -> Value:  # noqa: PLR0911 -- one per form
        if self._is_too_much(path):
            return values.literal(0)
        if isinstance(raw, int) and not isinstance(raw, bool):
            return self._literal(raw, path)
        if isinstance(raw, str):
            return self._named(raw, path) if raw.startswith("$") else values.number(self.selection(raw, path))
        kind, table = self._table(raw, path, VALUE_KEYS, _VALUE)
        if kind == "sum":
            rows = self.selection(table["sum"], (*path, "sum"))
            return values.sum_of(rows, self.value(table["of"], (*path, "of")))
        if kind == "count":
            return values.count_of(self.selection(table["count"], (*path, "count")))
        if kind == "if":
            condition = self.condition(table["if"], (*path, "if"))
            then, otherwise = (self.value(table[part], (*path, part)) for part in ("then", "else"))
            return values.chosen(condition, then, otherwise)
        if kind in _OF_VALUES:
            fewest = 2 if kind == "subtract" else 1
            return _OF_VALUES[kind](self._list(table[kind], (*path, kind), self.value, fewest))
        return values.literal(0)

    def condition(self, raw: object, path: KeyPath) -> Condition:  # noqa: PLR0911 -- one per form
        if self._is_too_much(path):
            return values.constant(given=False)
        if isinstance(raw, bool):
            return values.constant(given=raw)
        if isinstance(raw, str):
            return values.holds(self.selection(raw, path))
        kind, table = self._table(raw, path, CONDITION_KEYS, _CONDITION)
        if kind == "status":
            return values.has_status(self._statuses(table["status"], (*path, "status")))
        if kind == "not":
            return values.negated(self.condition(table["not"], (*path, "not")))
        if kind in _OF_ONE:
            return _OF_ONE[kind](self.value(table[kind], (*path, kind)))
        if kind in _OF_CONDITIONS:
            return _OF_CONDITIONS[kind](self._list(table[kind], (*path, kind), self.condition, 1))
        return values.constant(given=False)

    def selection(self, raw: object, path: KeyPath) -> Selection:
        try:
            if not isinstance(raw, str):
                raise ValueError("is not a selection, must be JMESPath in quotes")  # noqa: TRY301, TRY004 -- one report
            return compiled(raw)
        except ValueError as error:
            self.problem(path, f"{shown(raw)} {error}")
            return compiled("@")

    def problem(self, path: KeyPath, words: str) -> None:
        self.reading.problems.append(self.file.problem(path, words))

    def _is_too_much(self, path: KeyPath) -> bool:
        """The first one that is beyond the limits is a problem; those after it are not read."""
        self._count += 1
        depth = sum(1 for part in path if part in _NESTING)
        if depth > _DEEPEST or self._count == _MOST + 1:
            words = f"is too much, at most {_DEEPEST} values and conditions inside each other and {_MOST} in the file"
            self.problem(path, words)
        return depth > _DEEPEST or self._count > _MOST

    def _literal(self, number: int, path: KeyPath) -> Value:
        if abs(number) >= 10**MAX_DIGITS:
            self.problem(path, f"has over {MAX_DIGITS} digits, must have fewer")
        return values.literal(number)

    def _named(self, text: str, path: KeyPath) -> Value:
        name = text[1:]
        if name in self.named:
            return values.named(name)
        names = one_of(f"${one}" for one in self.named) or "none is defined before it"
        self.problem(path, f"{shown(text)} is not a value of map.values{meant(name, self.named)}, allowed: {names}")
        return values.literal(0)

    def _table(self, raw: object, path: KeyPath, kinds: Sequence[str], wanted: str) -> tuple[str, Mapping[str, object]]:
        """The one key of `kinds` that the table has, and the table; an empty key with a problem."""
        if not isinstance(raw, dict):
            self.problem(path, f"{shown(raw)} is not allowed, must be {wanted}")
            return "", {}
        table = cast("dict[str, object]", raw)
        found = [key for key in kinds if key in table]
        parts = _PARTS.get(found[0], tuple(found)) if found else ()
        if len(found) == 1 and set(table) == set(parts):
            return found[0], table
        if len(found) == 1 and (missing := [part for part in parts if part not in table]):
            self.problem(path, f"has no {one_of(missing)}, must have {', '.join(parts)}")
        elif wrong := [key for key in table if key not in kinds and key not in parts]:
            self.problem((*path, wrong[0]), f"is not a known key{meant(wrong[0], kinds)}, allowed: {', '.join(kinds)}")
        else:
            self.problem(path, f"has {one_of(found) or 'no key'}, must be {wanted}")
        return "", {}

    def _list(self, raw: object, path: KeyPath, read: Callable[[object, KeyPath], _T], fewest: int) -> list[_T]:
        items = cast("list[object]", raw) if isinstance(raw, list) else []
        if len(items) < fewest:
            self.problem(path, f"{shown(cast('object', raw))} is not allowed, must be a list of {fewest} or more")
            return [read("@", path)] * fewest
        return [read(item, (*path, number)) for number, item in enumerate(items)]

    def _statuses(self, raw: object, path: KeyPath) -> frozenset[Status]:
        words = cast("list[object]", raw) if isinstance(raw, list) else [raw]
        known = [status.value for status in Status if status is not Status.PARTIALLY_PAID]
        for word in words:
            if word not in known:
                near = meant(str(word), known)
                self.problem(path, f"{shown(word)} is not a status here{near}, must be {one_of(known)}")
        return frozenset(Status(cast("str", word)) for word in words if word in known)
