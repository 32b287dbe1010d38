import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.wire_documents import ANY_JSON, JsonObject, example
from watcher.core import json_text
from watcher.core.errors import InvalidAnswer
from watcher.core.invoices.invoice import Invoice
from watcher.providers import PROVIDERS, dollr, meteroid, rapyd
from watcher.providers.toolkit import documents, field_types, field_values
from watcher.providers.toolkit.kind import Account


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22 10:00:00", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        (" 2026-11-22T10:00:00.1+01:00 ", datetime(2026, 11, 22, 9, 0, 0, 100_000, tzinfo=UTC)),
        ("2026-11-22T10:00:00.123456789Z", datetime(2026, 11, 22, 10, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-02-30T10:00:00Z", None),
        ("", None),
        (0, None),
    ],
)
def test_instants_are_utc_with_any_number_of_fraction_digits(given: object, read: datetime | None) -> None:
    assert field_values.instant(given) == read


@pytest.mark.parametrize(
    ("given", "read"),
    [("  a\x00b\nc\ud800 ", "a b c"), ("", None), (" \n", None), (5, "5"), (True, None), (None, None), ([], None)],
)
def test_text_is_one_line_that_any_store_can_keep(given: object, read: str | None) -> None:
    assert field_values.text(given) == read


@pytest.mark.parametrize("given", [True, None, "", "NaN", "Infinity", "1_0", "0x1", "½", "٣", "1" * 100, [], 1.5])
def test_what_is_no_exact_number_is_no_amount(given: object) -> None:
    with pytest.raises(ValueError, match="a number is expected"):
        field_values.amount(given)


@pytest.mark.parametrize(
    ("given", "masked"),
    [
        ("declined for jo.doe+x@example.co.uk", "declined for ***"),
        ("card 4242424242424242 ended", "card *** ended"),
        ("card 4242 4242 4242 4242", "card ***"),
        ("call +49 (30) 123-4567-89", "call ***"),
        ("12345", "***"),
        ("code 1234 of 2026-11-22", "code 1234 of 2026-11-22"),
    ],
)
def test_personal_data_is_masked_in_free_text(given: str, masked: str) -> None:
    assert field_values.masked(given) == masked


@given(st.text())
def test_no_address_and_no_long_number_survives_masking(given: str) -> None:
    masked = field_values.error_text(f"{given} jo@example.com 99999 {given}") or ""
    assert "jo@example.com" not in masked
    assert "99999" not in masked
    assert len(masked) <= field_values.ERROR_LENGTH


@pytest.mark.parametrize("key", ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI5In0", "pv_sand_9s7Jt5dXvE3/7n42DGM5Tflk9n8mt7Fhc7"])
def test_what_looks_like_a_key_is_not_quoted(key: str) -> None:
    assert key not in field_values.quoted(f"bad token {key}.")
    assert field_values.quoted("UNAUTHENTICATED_API_CALL") == "UNAUTHENTICATED_API_CALL"


@pytest.mark.parametrize(
    ("word", "spelled"),
    [("PartiallyPaid", "PARTIALLY_PAID"), ("PARTIALLY_PAID", "PARTIALLY_PAID"), ("half-way there", "HALF_WAY_THERE")],
)
def test_words_are_spelled_one_way(word: str, spelled: str) -> None:
    assert field_values.screaming_snake(word) == spelled
    assert field_values.word_key(word) == field_values.word_key(spelled)


@pytest.mark.parametrize("document", [{"\x000": None}, {"amount": "\x001.5"}, {"\x001E5": "\x00-2"}])
def test_what_looks_like_a_mark_of_numbers_stays_text(document: JsonObject) -> None:
    assert json_text.read(documents.raw(document)) == document


@given(st.dictionaries(st.text(st.characters(), max_size=5), ANY_JSON, max_size=5))
def test_what_is_kept_is_json_with_the_same_exact_numbers(document: JsonObject) -> None:
    sent = json_text.read(documents.raw(document))
    assert json_text.read(documents.raw(cast("JsonObject", sent))) == sent
    assert documents.fingerprint(document) == documents.fingerprint(dict(reversed(document.items())))


@pytest.mark.parametrize("text", ['{"a": 1e99999999}', '{"a": -0.0e-5}', r'{"\ud800": "\udfff"}', '{"a": 1.10}'])
def test_odd_but_valid_json_is_kept_and_fingerprinted(text: str) -> None:
    document = cast("JsonObject", json_text.read(text))
    assert json_text.read(documents.raw(document)) == document
    assert len(documents.fingerprint(document)) == 16


def test_links_and_secrets_are_starred_and_what_is_to_be_kept_is_not() -> None:
    sent: JsonObject = {
        "url_self": "https://a.example/1",
        "pay_url": "a.example/pay",
        "nested": [{"accessToken": "t", "note": "see HTTPS://a.example/x now", "count": 3}],
        "as_payment_link": True,
        "total": Decimal("1.50"),
    }
    kept = documents.raw(sent, keep=frozenset({"url_self"}))
    assert json.loads(kept) == {
        "url_self": "https://a.example/1",
        "pay_url": "***",
        "nested": [{"accessToken": "***", "note": "see *** now", "count": 3}],
        "as_payment_link": True,
        "total": 1.5,
    }
    assert b'"total":1.50' in kept


@pytest.mark.parametrize("body", [b'{"pay": "https:\\/\\/a.example"}', b'{"pay": "h\\u0074tps://a.example"}'])
def test_a_link_in_disguise_is_starred_too(body: bytes) -> None:
    document = cast("JsonObject", json_text.read(body))
    assert b"a.example" not in documents.raw(document, body)


def test_a_document_nested_too_deep_is_an_invalid_answer() -> None:
    document: JsonObject = {}
    for _ in range(100_000):
        document = {"a": document}
    for use in (documents.fingerprint, documents.raw):
        with pytest.raises(InvalidAnswer, match="too deep"):
            use(document)


def _read_dollr(document: JsonObject) -> Invoice:
    return dollr.to_invoice(document, None)


@pytest.mark.parametrize(
    ("name", "read"), [("meteroid", meteroid.to_invoice), ("rapyd", rapyd.to_invoice), ("dollr", _read_dollr)]
)
def test_keys_and_texts_that_are_no_unicode_do_not_make_an_invoice_unreadable(
    name: str, read: Callable[[JsonObject], Invoice]
) -> None:
    plain = cast("JsonObject", example(name).get("data", example(name)))
    odd: JsonObject = {"\ud800": "\udfff", "note": "\ud800", "memo": "\ud800", "description": "\ud800"}
    assert read(plain | odd) == read(plain)


@pytest.mark.parametrize(
    ("name", "credentials", "base_url", "rate"),
    [
        ("meteroid", ("api_key",), "https://api.meteroid.com", 5),
        ("dollr", ("client_id", "client_secret"), "https://api.heydollr.app", 2),
        ("rapyd", ("access_key", "secret_key"), "https://api.rapyd.net", 3),
    ],
)
def test_the_table_holds_each_kind_with_its_keys_and_defaults(
    name: str, credentials: tuple[str, ...], base_url: str, rate: float
) -> None:
    kind = PROVIDERS[name]
    assert (kind.name, kind.credentials, kind.base_url, kind.rate, kind.timezone) == (
        name,
        credentials,
        base_url,
        rate,
        "UTC",
    )


def test_an_account_shows_no_secret() -> None:
    shown = Account("a", "https://x", ZoneInfo("UTC"), timedelta(seconds=1), {"api_key": "hush"})
    assert "hush" not in repr(shown)


def test_a_mistake_names_its_field_in_full_however_long_its_path() -> None:
    class Row(field_types.Wire):
        amount_refunded_in_this_period: field_types.Amount

    class Page(field_types.Wire):
        settled_transactions: tuple[Row, ...]

    with pytest.raises(InvalidAnswer) as caught:
        field_types.validated(Page, {"settled_transactions": [{"amount_refunded_in_this_period": "much"}]})
    assert str(caught.value).startswith("settled_transactions.0.amount_refunded_in_this_period: ")


def test_a_digest_of_words_leaves_out_a_volatile_field_wherever_it_stands_and_nothing_else() -> None:
    def digest(text: str) -> bytes:
        return documents.digest(text.encode(), b"updated_at")

    same = digest('{"updated_at":"1","a":{"updated_at" : null},"b":2}')
    assert digest('{"updated_at":"2026-11-22","a":{"updated_at":"x"},"b":2}') == same
    assert documents.digest(b'{,"a":{},"b":2}') == same
    for other in (
        '{"updated_at":"1","a":{"updated_at":null},"b":3}',
        '{"updated_at":"1","a":{"updated_at":7},"b":2}',
        '{"updated_at_":"1","a":{"updated_at":null},"b":2}',
        '{"updated_at":"a\\"b","a":{"updated_at":null},"b":2}',
    ):
        assert digest(other) != same
