"""Whatever stands in a field: the document is read or refused, and nothing else ever happens."""

from contextlib import suppress
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tests.contract.providers.documents import part, read
from tests.fakes.provider_server import START
from watcher.core.errors import InvalidAnswer, WatcherError
from watcher.core.invoices.invoice import Invoice
from watcher.providers import chargeover, fragment
from watcher.providers.toolkit import documents
from watcher.providers.toolkit.http import Answer

_CHICAGO = ZoneInfo("America/Chicago")
_FRAGMENT = part(read("fragment_g3_invoice.json"), "data")
_CHARGEOVER = part(read("chargeover_invoice.json"), "response")

_WORDS = ["1e999", "-5", "0", "2019-01-01", "9999-12-31 23:59:59", "0001-01-01", "open-unpaid", "USD", "inv_1"]
_KEYS = ["id", "invoice_id", "expected", "actual", "remaining", "currency", "payins", "payouts", "code", "response"]
_EXACT = st.decimals(allow_nan=False, allow_infinity=False)
_LEAVES = st.none() | st.booleans() | st.integers() | _EXACT | st.text(max_size=5) | st.sampled_from(_WORDS)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(sorted(_FRAGMENT)), _JSON)
def test_any_value_in_a_field_of_fragment_is_read_or_refused(key: str, value: object) -> None:
    with suppress(InvalidAnswer):
        assert isinstance(fragment.to_invoice(_FRAGMENT | {key: value}, None), Invoice)


@given(st.sampled_from(sorted(_CHARGEOVER)), _JSON)
def test_any_value_in_a_field_of_chargeover_is_read_or_refused(key: str, value: object) -> None:
    with suppress(InvalidAnswer):
        assert isinstance(chargeover.to_invoice(_CHARGEOVER | {key: value}, _CHICAGO), Invoice)


@given(_JSON, st.sampled_from([200, 400, 403, 404, 422]))
def test_any_batch_answer_gives_every_id_its_poll_or_is_refused(value: object, status: int) -> None:
    ids = ["1", "inv_1"]
    batch = {"data": {"invoices": [value, {"id": value}], "not_found": value}}
    bulk = {"response": {"_bulk": [value, {"code": 200, "response": value}]}}
    with suppress(WatcherError):
        answer = Answer(status, {}, documents.raw(batch), START, START)
        assert set(fragment.read_batch(answer, ids)) == set(ids)
    with suppress(WatcherError):
        answer = Answer(status, {}, documents.raw(bulk), START, START)
        assert set(chargeover.read_bulk(answer, ids)) == set(ids)
