"""The vocabulary of values and conditions is exact, strict about what is missing, and closed."""

from decimal import Decimal
from pathlib import Path

import pytest

from watcher.config.adapters.expressions import Expressions
from watcher.config.toml.positions import positions
from watcher.config.toml.reading import Reading, TomlFile
from watcher.core import money
from watcher.core.errors import InvalidAnswer
from watcher.core.invoices.invoice import Status
from watcher.providers.adapter_file.interpreter import Work
from watcher.providers.adapter_file.values import Scope
from watcher.providers.toolkit import field_values

DOCUMENT = {
    "total": Decimal("0.1"),
    "paid": "0.2",
    "text": "x",
    "rows": [{"amount": 1, "back": None}, {"amount": Decimal("2.5"), "back": 1}],
    "odd": [{"amount": 1}, {}],
    "flag": False,
}


def expressions() -> Expressions:
    path = Path("a.toml")
    return Expressions(TomlFile(path, {}, positions("")), Reading(path, {}), named=("known",))


def scope(status: Status = Status.OPEN) -> Scope:
    return Scope(
        DOCUMENT, Work(), read=field_values.amount, literal=Decimal, status=status, named={"known": Decimal(7)}
    )


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("total", "0.1"),
        (3, "3"),
        ("$known", "7"),
        ({"add": ["total", "paid", 1]}, "1.3"),
        ({"subtract": ["total", "paid", 1]}, "-1.1"),
        ({"min": [2, "total", "paid"]}, "0.1"),
        ({"max": [0, {"subtract": [0, "total"]}]}, "0"),
        ({"sum": "rows", "of": "amount"}, "3.5"),
        ({"sum": "rows", "of": {"subtract": ["amount", "not_null(back, `0`)"]}}, "2.5"),
        ({"sum": "nothing", "of": "amount"}, "0"),
        ({"sum": "rows[?amount == `9`]", "of": "amount"}, "0"),
        ({"count": "rows"}, "2"),
        ({"count": "text"}, "0"),
        ({"if": "flag", "then": "text", "else": 4}, "4"),
        ({"if": {"status": "open"}, "then": 1, "else": 2}, "1"),
    ],
)
def test_a_value_is_an_exact_number(raw: object, number: str) -> None:
    made = expressions()
    assert made.value(raw, ("x",))(scope()) == Decimal(number)
    assert made.reading.problems == []


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("nothing", "nothing: a number is expected, not null"),
        ("text", "text: a number is expected, not other text"),
        ("flag", "flag: a number is expected, not true or false"),
        ({"sum": "odd", "of": "amount"}, "odd.1.amount: a number is expected, not null"),
        ({"sum": "text", "of": "amount"}, "text: a list is expected"),
    ],
)
def test_a_number_that_is_missing_is_refused_with_its_name(raw: object, words: str) -> None:
    with pytest.raises(InvalidAnswer) as caught:
        expressions().value(raw, ("x",))(scope())
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("raw", "holds"),
    [
        (True, True),
        ("text", True),
        ("flag", False),
        ("nothing", False),
        ("rows[?amount == `9`]", False),
        ("not_null(nothing, `0`)", True),
        ({"status": ["paid", "open"]}, True),
        ({"status": "void"}, False),
        ({"positive": "total"}, True),
        ({"positive": 0}, False),
        ({"zero": {"subtract": ["total", "total"]}}, True),
        ({"not": {"zero": 0}}, False),
        ({"all": ["text", "flag"]}, False),
        ({"any": ["flag", {"zero": 0}]}, True),
    ],
)
def test_a_condition_holds_or_not(raw: object, holds: bool) -> None:  # noqa: FBT001 -- a parameter set
    made = expressions()
    assert made.condition(raw, ("x",))(scope()) is holds
    assert made.reading.problems == []


@pytest.mark.parametrize(
    ("raw", "key", "words"),
    [
        (1.5, "x", "1.5 is not allowed, must be a selection, a whole number"),
        (True, "x", "true is not allowed"),
        ([], "x", "a list is not allowed"),
        (10**30, "x", "has over 30 digits"),
        ({}, "x", "has no key, must be a selection"),
        ({"summ": "a"}, "x.summ", 'is not a known key (did you mean "sum"?), allowed: sum, count'),
        ({"sum": "a"}, "x", "has no of, must have sum, of"),
        ({"if": "a", "then": 1}, "x", "has no else, must have if, then, else"),
        ({"sum": "a", "of": "b", "min": [1]}, "x", "has sum or min, must be"),
        ({"min": 3}, "x.min", "must be a list of 1 or more"),
        ({"subtract": [1]}, "x.subtract", "must be a list of 2 or more"),
        ({"min": ["a", {"max": ["b", "c("]}]}, "x.min[1].max[1]", '"c(" is not JMESPath'),
        ("$knwon", "x", '"$knwon" is not a value of map.values (did you mean "known"?), allowed: $known'),
        ({"if": {"status": "payed"}, "then": 1, "else": 1}, "x.if.status", '(did you mean "paid"?)'),
        ({"if": {"status": "partially_paid"}, "then": 1, "else": 1}, "x.if.status", "is not a status here"),
        ({"if": 3, "then": 1, "else": 1}, "x.if", "3 is not allowed, must be a selection, true, false"),
    ],
)
def test_every_mistake_is_named_with_its_place(raw: object, key: str, words: str) -> None:
    made = expressions()
    made.value(raw, ("x",))
    assert [(problem.key, words in problem.words) for problem in made.reading.problems][:1] == [(key, True)]


def test_how_deep_and_how_many_is_limited() -> None:
    deep: object = 1
    for _ in range(20):
        deep = {"max": [deep]}
    wide = {"max": [{"count": "a"} for _ in range(600)]}
    for raw in (deep, wide):
        made = expressions()
        made.value(raw, ("x",))
        assert "is too much, at most 12" in made.reading.problems[0].words


def test_more_digits_than_a_context_has_are_exact() -> None:
    large = {"a": 10**29 + 1, "b": Decimal("0.00000000000000000001")}
    made = money.exact(expressions().value({"add": ["a", "b"]}, ("x",)))
    assert str(made(Scope(large, Work(), field_values.amount, Decimal))) == f"1{'0' * 28}1.{'0' * 19}1"
