"""Hostile adapter files and hostile documents: none may stop the service, or take it more than about a second."""

import json
import time
from collections.abc import Generator
from datetime import UTC, datetime
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from tests.contract.providers.adapter_file.conftest import Specify
from watcher.core import json_text
from watcher.core.errors import ConfigError, InvalidAnswer, ListRefused
from watcher.core.json_text import Document
from watcher.providers.adapter_file.answers import refusal_of
from watcher.providers.adapter_file.fingerprint import steady_fingerprint
from watcher.providers.adapter_file.invoice_map import to_invoice
from watcher.providers.adapter_file.lists import read_page
from watcher.providers.adapter_file.spec import AdapterSpec
from watcher.providers.toolkit.http import Answer

AT = datetime(2026, 1, 1, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
BILL: dict[str, object] = {"id": "b_1", "state": "open", "currency": "EUR", "total": 100}
LIST = '[list]\npath = "/bills"\nrows = "rows"\n'
BOUND = 3.0
"""Seconds of CPU on a machine that does other things too; unbounded, each of these took 4 to 200."""


@pytest.fixture(autouse=True)
def bounded() -> Generator[None]:
    started = time.process_time()
    yield
    assert time.process_time() - started < BOUND


def answer(body: object, status: int = 200) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {}, content, AT, AT)


def read(spec: AdapterSpec, document: object) -> object:
    plain = cast("Document", json_text.read(json.dumps(document)))
    return to_invoice(plain, None, spec.map, spec.invoice.id, UTC_ZONE)


def page(spec: AdapterSpec, body: object) -> object:
    assert spec.list is not None
    return read_page(answer(body), None, spec, spec.list, UTC_ZONE)


@pytest.mark.parametrize(
    "each",
    [
        "1",
        "{ if = true, then = 0, else = 1 }",
        '{ if = { status = "paid" }, then = 0, else = 1 }',
        "{ add = [" + "1, " * 200 + "1] }",
    ],
)
def test_a_sum_pays_for_every_row_and_value(specify: Specify, each: str) -> None:
    spec = specify(total=f'{{ sum = "rows", of = {each} }}')
    with pytest.raises(InvalidAnswer, match=r"^the document is too large"):
        read(spec, BILL | {"rows": [0] * 300_000})
    with pytest.raises(InvalidAnswer, match=r"^the document is too large"):
        read(
            specify(total="{ add = [" + f'{{ sum = "rows", of = {each} }},' * 2 + "0] }"), BILL | {"rows": [0] * 99_000}
        )


def test_paths_cost_one_pass_however_many_they_are(specify: Specify) -> None:
    document = BILL | {"rows": [0] * 500_000}
    many = ", ".join(f'"rows.k{number}"' for number in range(50))
    again = ", ".join(['"rows"'] * 50)
    for keys in (f"volatile = [{many}]", f"kept = [{again}]", f"unordered = [{again}]"):
        steady_fingerprint(document, specify(invoice=keys).invoice)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"invoice": f"volatile = [{', '.join(['0'] * 51)}]".replace("0", '"a"')}, "invoice.volatile: has 51 items"),
        ({"invoice": 'volatile = [""]'}, 'invoice.volatile[0]: "" is all of it'),
        ({"words": ", ".join(f'w{number} = "open"' for number in range(201))}, "map.status.words: has 201 items"),
        ({"map": "revision = [" + '"a", ' * 11 + "]"}, "map.revision: has 11 items, at most 10"),
        ({"total": "{ add = [" + '"total", ' * 501 + "] }"}, "is too much, at most 12 values and conditions inside"),
        ({"total": "{ add = [" * 13 + "1" + "] }" * 13}, "is too much, at most 12 values and conditions inside"),
        ({"more": '[[answers]]\nstatus = [400]\nmeans = "gone"\n' * 101}, "answers: has 101 tables, at most 100"),
        ({"map": 'number = "rows[::0]"'}, "has a slice with the step 0"),
        ({"total": "0x" + "F" * 6000}, "a number has thousands of digits"),
        ({"more": f'{LIST}pages = {{ by = "number", parameter = "p", size = 0b{"1" * 20_000} }}'}, "thousands of"),
    ],
)
def test_a_file_that_would_cost_too_much_is_refused_in_words(
    specify: Specify, parts: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        specify(**parts)
    assert words in str(caught.value)
    assert len(caught.value.problems) == 1


def test_all_rules_about_one_answer_share_its_steps(specify: Specify) -> None:
    rule = '[[answers]]\nstatus = [400]\nwhere = "rows[?a == b]"\nmeans = "gone"\n'
    refusal_of(answer(b'{"rows":[%s{}]}' % (b"{}," * 300_000), 400), specify(more=rule * 100).answers)


@pytest.mark.parametrize(("row", "count"), [(b"{}", 1_000_000), (b'{"id":"b","state":"x"}', 40_000)])
@pytest.mark.parametrize("last", ["", ', "*" = "void"'])
def test_a_page_has_so_many_rows_and_no_more(specify: Specify, row: bytes, count: int, last: str) -> None:
    spec = specify(more=LIST, words=", ".join(f'w{number} = "open"' for number in range(199)) + last)
    with pytest.raises(ListRefused, match=r"the list cannot be read: .* (too large|100000 items)"):
        page(spec, b'{"rows":[%s]}' % b",".join([row] * count))


@pytest.mark.parametrize(
    ("keys", "envelope"),
    [
        ('pages = { by = "cursor", parameter = "c", next = "n" }', {"n": "x" * 5_000_000}),
        ('pages = { by = "after_id", parameter = "c", more = "n" }', {"n": True}),
    ],
)
def test_the_next_page_has_a_name_that_a_url_can_carry(specify: Specify, keys: str, envelope: Document) -> None:
    with pytest.raises(ListRefused, match="at most 2000"):
        page(specify(more=f"{LIST}{keys}"), {**envelope, "rows": [{"id": "y" * 3000}]})


@pytest.mark.parametrize(
    "keys", ['by = "after_id", parameter = "after", more = "n"', 'by = "cursor", parameter = "after", next = "n"']
)
def test_a_list_whose_next_page_is_the_same_one_is_not_taken_for_complete(specify: Specify, keys: str) -> None:
    """The list sync ends it: what has changed since then must be asked for once more."""
    spec = specify(more=f"{LIST}pages = {{ {keys} }}")
    assert spec.list is not None
    body = answer({"n": "b_1", "rows": [{"id": "b_1"}]})
    first = read_page(body, None, spec, spec.list, UTC_ZONE)
    assert first.next_page == "0 b_1"
    assert read_page(body, first.next_page, spec, spec.list, UTC_ZONE).next_page == "0 b_1"


@pytest.mark.parametrize("number", ["1e999999", "-1e999999", "9" * 3999, "-0", "1e15"])
def test_a_number_that_is_no_time_and_no_count_is_none(specify: Specify, number: str) -> None:
    keys = 'total = "n"\nchanged_at = "c"\n'
    for times in ("unix", "unix_ms"):
        spec = specify(more=LIST + keys, map=f'times = "{times}"\n')
        assert spec.list is not None
        body = b'{"n": %s, "rows": [{"id": "b_1", "c": %s}]}' % (number.encode(), number.encode())
        found = read_page(answer(body), None, spec, spec.list, UTC_ZONE)
        assert found.total in {None, 0}
        assert [row.changed_at for row in found.rows] == [None]
