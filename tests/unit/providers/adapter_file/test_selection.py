"""What selections may say, what they give, and that no document or file makes them cost too much."""

import re
import time
from decimal import Decimal

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError

from watcher.core.errors import InvalidAnswer
from watcher.providers.adapter_file.interpreter import MOST_STEPS, Work
from watcher.providers.adapter_file.selection import LONGEST_SELECTION, compiled

DOCUMENT = {
    "id": "i_1",
    "total": Decimal("10.50"),
    "customer": {"id": 7, "tags": ["a", "b"]},
    "rows": [{"state": "Part_Paid", "at": 2, "n": Decimal(5)}, {"state": "open", "at": 1, "n": Decimal(7)}],
    "zero": 0,
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("id", "i_1"),
        ("@", DOCUMENT),
        ("customer.id", 7),
        ("customer.id.more", None),
        ("rows.state", None),
        ("nothing", None),
        ("not_null(nothing, total)", Decimal("10.50")),
        ("not_null(nothing, `0`)", 0),
        ("rows[0].n", Decimal(5)),
        ("rows[?n > `6`].state | [0]", "open"),
        ("rows[?word(state) == 'partpaid'].n", [Decimal(5)]),
        ("word(rows)", None),
        ("sort_by(rows, &at)[-1].state", "Part_Paid"),
        ("max_by(rows, &n)", None),
        ("length(rows)", 2),
        ("length(zero)", None),
        ("id < zero", None),
        ("values(customer)[0]", 7),
    ],
)
def test_a_selection_gives_a_part_of_the_document(text: str, found: object) -> None:
    assert compiled(text)(DOCUMENT, Work()) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JMESPath"),
        ("a..b", "is not JMESPath"),
        ("a |", "is not JMESPath"),
        ("[a, b]", "must select a part of the document"),
        ("{x: a}", "must select a part of the document"),
        ("rows[].[a, b]", "must select a part of the document"),
        ("sum(rows[].n)", "calls sum(), allowed: contains"),
        ("to_number(id)", "calls to_number(), allowed: contains"),
        ("join('', rows)", "calls join(), allowed"),
        ("a > `0.5`", "no whole number"),
        ("not_null(a, `[1]`)", "no whole number"),
        ("a" * (LONGEST_SELECTION + 1), f"at most {LONGEST_SELECTION}"),
        ("!" * 240 + "a", "nested too deep"),
    ],
)
def test_what_a_selection_may_not_say_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        compiled(text)


@pytest.mark.parametrize(
    "text",
    [
        "rows[?contains(@, 'x')]",
        "rows[*].a.b",
        "rows[] | [] | [] | []",
        "rows[::-1] | [::-1] | [::-1]",
        "rows[?@ == 'x']",
        "reverse(rows) | reverse(@) | reverse(@)",
        "sort_by(rows, &@)",
    ],
)
def test_a_hostile_document_costs_less_than_two_seconds(text: str) -> None:
    document = {"rows": ["x" * 3] * 1_000_000}
    started = time.process_time()
    with pytest.raises(InvalidAnswer, match="too large"):
        compiled(text)(document, Work())
    assert time.process_time() - started < 2


def test_comparing_large_parts_is_paid_for() -> None:
    large = [[1] * 100_000] * 50
    work = Work()
    with pytest.raises(InvalidAnswer, match="too large"):
        compiled("rows[?@ == `0` || @ == @]")({"rows": large}, work)


EXPRESSIONS = (
    "a",
    "a.b",
    "a.b[0]",
    "a[-1].b",
    "a[5]",
    "a[*].b",
    "a[].b",
    "a[][].b",
    "a.b[]",
    "!a.b",
    "a[?!b].c",
    "a[?b == c].a",
    "a[?b != `0`]",
    "a[?b == `1` || c]",
    "a[?b && !c].a | [0]",
    "a[?b > `0` && c <= a]",
    "a || b",
    "a && b.c",
    "!a",
    "not_null(a, b, `0`)",
    "a.*.b",
    "length(not_null(a, ''))",
    "a[?contains(not_null(b, ''), 'x')]",
)
KEYS = st.sampled_from("abc")
LEAVES = st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(["", "x", "xy"])
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


@given(st.sampled_from(EXPRESSIONS), st.dictionaries(KEYS, JSON, max_size=3))
def test_a_selection_gives_what_jmespath_gives(text: str, document: object) -> None:
    try:
        expected = jmespath.search(text, document)
    except (JMESPathError, TypeError):
        expected = None
    found = compiled(text)(document, Work())
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("text", ["rows[?@ == @]", "rows[?word(@) == 'x']", "values(by)[?@ == @]"])
def test_long_text_is_paid_for(text: str) -> None:
    long = "x" * 4_000_000
    with pytest.raises(InvalidAnswer, match="too large"):
        compiled(text)({"rows": [long] * 200, "by": {str(n): long for n in range(200)}}, Work())


def test_all_selections_of_a_document_share_its_steps() -> None:
    work = Work(steps=3)
    for _ in range(3):
        assert compiled("id")(DOCUMENT, work) == "i_1"
    with pytest.raises(InvalidAnswer):
        compiled("id")(DOCUMENT, work)
    assert MOST_STEPS > 1000
