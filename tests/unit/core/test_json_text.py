import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core import json_text
from watcher.core.errors import InvalidAnswer

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=3), _VALUES, max_size=3), st.lists(_VALUES, max_size=4), st.sampled_from([None, 2])
)
def test_items_are_what_reading_gives_and_each_has_its_own_text(
    others: dict[str, object], items: list[object], indent: int | None
) -> None:
    written = json.dumps(others | {"data": items}, indent=indent).encode()
    recorded, found = json_text.read_items(written, "data")
    assert recorded == {key: value for key, value in others.items() if key != "data"}
    assert [item for item, _ in found] == items
    assert [json_text.read(text) for _, text in found] == items


def test_the_text_of_an_item_is_that_of_the_answer_to_the_letter() -> None:
    _, items = json_text.read_items('{"page": 0, "data": [ {"a" : 1.50} , "ü"]}'.encode(), "data")
    assert [text for _, text in items] == [b'{"a" : 1.50}', '"ü"'.encode()]


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"[]",
        b"{}",
        b'{"data": 1}',
        b'{"data": [1}',
        b'{"data": [1,]}',
        b'{"data": [1',
        b'{"data": []',
        b'{"data": []} x',
        b'{"data": [], "a": 1, "a": 2}',
        b'{"data": [], 1: 2}',
        b'{"data": [NaN]}',
        b'{"data": ["\xff"]}',
        b'{"data": [' + b"1" * 100_000 + b"]}",
        b'{"data": [' + b"[" * 100_000,
        b'{"data": [1e99999999999999999999]}',
    ],
)
def test_what_holds_no_such_list_is_refused_in_our_words(broken: bytes) -> None:
    with pytest.raises(InvalidAnswer):
        json_text.read_items(broken, "data")


def test_a_key_given_twice_in_an_item_is_found_when_its_text_is_read() -> None:
    _, ((_, text),) = json_text.read_items(b'{"data": [{"total": 1, "total": 2}]}', "data")
    with pytest.raises(InvalidAnswer):
        json_text.read(text)


def test_a_list_deeper_in_is_taken_out_and_the_rest_stays() -> None:
    recorded, items = json_text.read_items(b'{"a": 1, "data": {"b": 2, "rows": [1, {"c": 3}], "d": 4}}', "data", "rows")
    assert recorded == {"a": 1, "data": {"b": 2, "d": 4}}
    assert items == ((1, b"1"), ({"c": 3}, b'{"c": 3}'))


def test_null_is_an_empty_list() -> None:
    assert json_text.read_items(b'{"data": null}', "data") == ({}, ())


@pytest.mark.parametrize(
    "broken", [b'{"data": []}', b'{"data": {}}', b'{"data": {"rows": 1}}', b'{"data": {"rows": [], "rows": []}}']
)
def test_a_path_that_leads_to_no_list_is_refused(broken: bytes) -> None:
    with pytest.raises(InvalidAnswer):
        json_text.read_items(broken, "data", "rows")


@pytest.mark.parametrize("number", ["1e99999999999999999999", "-1.5E-99999999999999999999"])
def test_an_exponent_that_no_decimal_can_have_is_refused_in_our_words(number: str) -> None:
    with pytest.raises(InvalidAnswer, match="exponent"):
        json_text.read(f'{{"total": {number}}}')
