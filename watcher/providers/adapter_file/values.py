"""The closed vocabulary of adapter files: numbers and conditions, computed exactly from a document.

Each value is made once from the file, as a function of a `Scope`. All that have no parts spend a step, and so do the
rows of a sum: whatever is put together from them is bounded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import cast

from watcher.core.errors import InvalidAnswer
from watcher.core.invoices.invoice import Status
from watcher.providers.adapter_file.interpreter import TooMuchWork, Work
from watcher.providers.adapter_file.selection import Selection
from watcher.providers.toolkit import field_values


@dataclass(frozen=True, slots=True)
class Scope:
    """What values are computed from.

    `read` turns what the document says into a number (for amounts: of major units), and `literal` a number of the
    file. Raises InvalidAnswer, ValueError.
    """

    document: object
    work: Work
    read: Callable[[object], Decimal]
    literal: Callable[[int], Decimal]
    status: Status = Status.UNKNOWN
    named: dict[str, Decimal] = field(default_factory=dict[str, Decimal])


Value = Callable[[Scope], Decimal]
Condition = Callable[[Scope], bool]


def number(selection: Selection) -> Value:
    """A number of the document, which must be there."""

    def value(scope: Scope) -> Decimal:
        try:
            return scope.read(selection(scope.document, scope.work))
        except ValueError as error:
            raise InvalidAnswer(f"{selection.text}: {error}") from error

    return value


def literal(given: int) -> Value:
    def value(scope: Scope) -> Decimal:
        scope.work.spend(1)
        return scope.literal(given)

    return value


def named(name: str) -> Value:
    def value(scope: Scope) -> Decimal:
        scope.work.spend(1)
        return scope.named[name]

    return value


def sum_of(rows: Selection, each: Value) -> Value:
    def value(scope: Scope) -> Decimal:
        found = _rows(rows, scope)
        total = scope.literal(0)
        scope.work.spend(len(found))
        for place, row in enumerate(found):
            try:
                total += each(replace(scope, document=row))
            except TooMuchWork:
                raise
            except InvalidAnswer as error:
                raise InvalidAnswer(f"{rows.text.partition('[')[0]}.{place}.{error}") from error
        return total

    return value


def count_of(rows: Selection) -> Value:
    def value(scope: Scope) -> Decimal:
        found = rows(scope.document, scope.work)
        return Decimal(len(cast("list[object]", found)) if isinstance(found, list) else 0)

    return value


def added(values: Sequence[Value]) -> Value:
    return lambda scope: sum((value(scope) for value in values[1:]), values[0](scope))


def subtracted(values: Sequence[Value]) -> Value:
    return lambda scope: values[0](scope) - sum((value(scope) for value in values[2:]), values[1](scope))


def smallest(values: Sequence[Value]) -> Value:
    return lambda scope: min(value(scope) for value in values)


def largest(values: Sequence[Value]) -> Value:
    return lambda scope: max(value(scope) for value in values)


def chosen(condition: Condition, then: Value, otherwise: Value) -> Value:
    return lambda scope: then(scope) if condition(scope) else otherwise(scope)


def constant(*, given: bool) -> Condition:
    def condition(scope: Scope) -> bool:
        scope.work.spend(1)
        return given

    return condition


def holds(selection: Selection) -> Condition:
    """True as in JMESPath: anything but null, false, and empty text, lists and objects."""
    return lambda scope: _is_true(selection(scope.document, scope.work))


def has_status(statuses: frozenset[Status]) -> Condition:
    def condition(scope: Scope) -> bool:
        scope.work.spend(1)
        return scope.status in statuses

    return condition


def positive(value: Value) -> Condition:
    return lambda scope: value(scope) > 0


def zero(value: Value) -> Condition:
    return lambda scope: not value(scope)


def all_of(conditions: Sequence[Condition]) -> Condition:
    return lambda scope: all(condition(scope) for condition in conditions)


def any_of(conditions: Sequence[Condition]) -> Condition:
    return lambda scope: any(condition(scope) for condition in conditions)


def negated(condition: Condition) -> Condition:
    return lambda scope: not condition(scope)


def is_true_of(condition: Condition, document: object, work: Work) -> bool:
    """A condition outside the map, where numbers are plain; false if it cannot be read."""
    try:
        return condition(Scope(document, work, read=field_values.amount, literal=field_values.amount))
    except InvalidAnswer:
        return False


def _is_true(found: object) -> bool:
    return found is not None and found is not False and found not in ("", [], {})


def _rows(rows: Selection, scope: Scope) -> list[object]:
    found = rows(scope.document, scope.work)
    if found is None:
        return []
    if not isinstance(found, list):
        raise InvalidAnswer(f"{rows.text}: a list is expected")
    return cast("list[object]", found)
