"""Cells that are harmless, and come back as they were."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.exports.csv_text import harmless, lines, original

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@pytest.mark.parametrize("start", _STARTS)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    assert harmless(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


@pytest.mark.parametrize("text", ["", "inv_1", "'quoted'", "a=b", "1-2", "007"])
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text == original(text)


@given(st.text(st.sampled_from("'=+-@a\t\r\n"), max_size=5) | st.text())
def test_a_text_comes_back_from_its_cell_and_no_cell_begins_dangerously(text: str) -> None:
    cell = harmless(text)
    assert original(cell) == text
    assert not cell.startswith(_STARTS)


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2)))
def test_lines_are_read_back_by_a_csv_reader(rows: list[list[str]]) -> None:
    written = lines(rows)
    assert list(csv.reader(io.StringIO(written, newline=""), strict=True)) == rows
    assert written.count("\r\n") >= len(rows)
