import json
from datetime import UTC, datetime

import pytest

from watcher.ports import HintRequest
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.hints import hint_schemes

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
(SCHEME,) = hint_schemes(PROVIDERS["chargeover"], secrets=["new key", "old key"], tokens=[], credentials={})


def ids(hint: object) -> tuple[str, ...]:
    return SCHEME.invoice_ids(json.dumps(hint).encode())


def test_the_key_is_all_that_proves_who_sent_it() -> None:
    for key, expected in {"new key": True, "old key": True, "other": False, "": False}.items():
        request = HintRequest("https://hooks.example.com/", {"x-chargeover-key": key}, b"{}", NOW)
        assert SCHEME.verify(request) is expected
    assert not SCHEME.verify(HintRequest("https://hooks.example.com/", {}, b"{}", NOW))


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ({"context_str": "invoice", "context_id": 1234, "event": "update", "data": {}}, ("1234",)),
        ({"context_str": "invoice", "context_id": "1234", "event": "insert"}, ("1234",)),
        ({"context_str": "invoice", "context_id": 1234, "data": {"invoice_id": "1234"}}, ("1234",)),
        ({"context_str": "invoice", "context_id": None, "data": {"invoice": {"invoice_id": 1234}}}, ("1234",)),
        (
            {
                "context_str": "transaction",
                "context_id": 7,
                "data": {"applied_to": [{"invoice_id": 1}, {"invoice_id": "2"}]},
            },
            ("1", "2"),
        ),
        ({"context_str": "transaction", "data": {"transaction": {"applied_to": [{"invoice_id": 1}]}}}, ("1",)),
        ({"context_str": "transaction", "data": {"invoice_id": 1, "applied_to": None}}, ("1",)),
        ({"context_str": "transaction", "context_id": 7, "data": {"applied_to": [None, 5, ["1"], {"id": 1}]}}, ()),
        ({"context_str": "customer", "context_id": 7, "event": "insert", "data": {"customer_id": 7}}, ()),
        ({"context_str": ["invoice"], "context_id": 7}, ()),
        ({"event": "insert"}, ()),
    ],
)
def test_invoices_are_found_by_context(hint: object, expected: tuple[str, ...]) -> None:
    assert ids(hint) == expected


@pytest.mark.parametrize("value", [True, -1, 1.0, "", "12a", "1 ", "٣", "../1", 10**30, [1], {"invoice_id": 1}])
def test_what_is_no_invoice_id_is_left_out(value: object) -> None:
    assert ids({"context_str": "invoice", "context_id": value}) == ()


def test_of_a_transaction_over_many_invoices_the_first_hundred_are_taken() -> None:
    rows = [{"invoice_id": number // 2} for number in range(2000)]
    assert ids({"context_str": "transaction", "data": {"applied_to": rows}}) == tuple(map(str, range(100)))
