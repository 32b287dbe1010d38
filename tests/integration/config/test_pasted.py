"""What people paste to add watches: what becomes of each line, and what is refused as a whole."""

from datetime import date

import pytest

from watcher.config.watchlists.pasted import MOST_BYTES, MOST_WATCHES, read_pasted
from watcher.core.errors import Refused
from watcher.ports import LineState, PastedWatches, PreviewLine

SOURCES = ("acme", "other")
HEADER = "source,invoice_id,tags,due_on,note\n"


def csv(text: str) -> list[PreviewLine]:
    return read_pasted(PastedWatches(text), SOURCES)


def ids(text: str, *tags: str) -> list[PreviewLine]:
    return read_pasted(PastedWatches(text, "acme", tags), SOURCES)


def states(lines: list[PreviewLine]) -> list[tuple[int, str, LineState]]:
    return [(one.line, one.invoice_id, one.state) for one in lines]


def test_ids_are_separated_by_lines_commas_semicolons_spaces_and_tabs() -> None:
    lines = ids("inv_1, inv_2;inv_3\n\n  inv_4\tinv_5\n", "vip", " ")
    assert [(one.line, one.invoice_id) for one in lines] == [
        (1, "inv_1"), (1, "inv_2"), (1, "inv_3"), (3, "inv_4"), (3, "inv_5"),
    ]  # fmt: skip
    assert {(one.source, one.tags, one.state) for one in lines} == {("acme", ("vip",), LineState.NEW)}


def test_formulas_stay_ids_and_lose_only_the_apostrophe_that_our_own_csv_gave_them() -> None:
    assert [one.invoice_id for one in ids("=1+1\n'=1+1\n@x '7")] == ["=1+1", "=1+1", "@x", "'7"]
    (line,) = csv(f"{HEADER}acme,'=1+1,,,'=cmd|' /C calc'!A0\n")
    assert (line.invoice_id, line.note) == ("=1+1", "=cmd|' /C calc'!A0")


def test_a_csv_says_for_each_line_what_becomes_of_it() -> None:
    lines = csv(
        f"{HEADER}acme,inv_1,vip,2026-12-01,\nacme,..,,,\nnowhere,inv_2,,2026-13-01,\n\n"
        "acme,inv_1,legal,,mine\nacme,inv_1,,2026-12-02,\nacme,inv_3,a,b,c,d\n"
    )
    assert states(lines) == [
        (2, "inv_1", LineState.NEW),
        (3, "", LineState.INVALID),
        (4, "", LineState.INVALID),
        (6, "inv_1", LineState.REPEATED),
        (7, "inv_1", LineState.INVALID),
        (8, "", LineState.INVALID),
    ]
    first, dots, nowhere, repeated, other_day, wide = lines
    assert (first.tags, first.due_on, first.note) == (("vip", "legal"), date(2026, 12, 1), "mine")
    assert "invoice_id:" in dots.reason
    assert dots.text == "acme,..,,,"
    assert 'source: "nowhere" is not a source' in nowhere.reason
    assert 'due_on: "2026-13-01" is not a day' in nowhere.reason
    assert repeated.reason == "the same invoice as in line 2"
    assert "differs from 2026-12-01 in line 2" in other_day.reason
    assert "has 6 columns" in wide.reason


def test_rows_of_a_spreadsheet_and_our_own_files_are_read() -> None:
    (tabs,) = csv("\ufeffinvoice_id\tsource\tnote\ninv_1\tacme\ta, b\n")
    assert (tabs.source, tabs.invoice_id, tabs.note) == ("acme", "inv_1", "a, b")
    (ours,) = csv("source,invoice_id,tags,due_on,note,origins,state\nacme,inv_1,vip,,,file,active\n")
    assert (ours.invoice_id, ours.tags) == ("inv_1", ("vip",))


def test_a_csv_that_breaks_off_keeps_what_came_before() -> None:
    lines = csv(f'{HEADER}acme,inv_1,,,\nacme,"inv_2')
    assert [one.state for one in lines] == [LineState.NEW, LineState.INVALID]
    assert "is not CSV" in lines[1].reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is nothing to read"),
        (" \n ", "there is nothing to read"),
        ("account,invoice\nacme,inv_1\n", "must name columns of source,invoice_id,tags,due_on,note"),
        ("source;invoice_id\nacme;inv_1\n", "must name columns of source,invoice_id,tags,due_on,note"),
        ("acme,inv_1\n", "must name columns of source,invoice_id,tags,due_on,note"),
        ("source,source,invoice_id\n", "is there twice"),
        (HEADER + "acme,inv_{},,,\n" * (MOST_WATCHES + 1), "10,001 invoices are too many at once, at most 10,000"),
        (HEADER + "x" * MOST_BYTES, "bytes are too many, at most 1,048,576"),
    ],
    ids=["nothing", "blanks", "wrong", "semicolons", "none", "twice", "too many", "too much"],
)
def test_what_cannot_be_read_is_refused_as_a_whole(text: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        csv(text)


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        (PastedWatches("inv_1", "acmee"), "did you mean"),
        (PastedWatches("inv_1", "acme", ("x" * 65,)), "tags: "),
        (PastedWatches("source,invoice_id\nacme,inv_1", "acme"), "give it as CSV"),
        (PastedWatches("i " * (MOST_WATCHES + 1), "acme"), "10,001 invoices are too many"),
    ],
    ids=["source", "tags", "a CSV", "too many"],
)
def test_ids_that_cannot_be_read_are_refused_as_a_whole(pasted: PastedWatches, words: str) -> None:
    with pytest.raises(Refused, match=words):
        read_pasted(pasted, SOURCES)
