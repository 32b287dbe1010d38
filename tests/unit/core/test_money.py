"""Money is exact, or refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.errors import InvalidAnswer
from watcher.core.money import EXPONENTS, exact, from_major, from_minor, is_canonical, text


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        ("1079.98", "EUR", "1079.98"),
        (1050, "USD", "1050.00"),
        (Decimal("0.30000000000000004"), "USD", "0.30"),
        (Decimal("19.99951"), "USD", "19.99951"),
        ("12.345", "KWD", "12.345"),
        ("1E+3", "JPY", "1000"),
        ("7.5", "CNH", "7.50"),
        ("0.5", "BTC", "0.5"),
        ("-0.0", "EUR", "0.00"),
        ("9" * 30, "EUR", "9" * 30 + ".00"),
    ],
)
def test_major_units_are_shown_with_the_currencys_decimals(value: str, currency: str, shown: str) -> None:
    assert text(from_major(value, currency)) == shown


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        (107998, "EUR", "1079.98"),
        ("5000", "JPY", "5000"),
        (1, "KWD", "0.001"),
        ("123456789012345678901", "BTC", "123456789012345678901"),
    ],
)
def test_minor_units_are_shifted_by_the_currencys_exponent(value: int, currency: str, shown: str) -> None:
    assert text(from_minor(value, currency)) == shown


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1" * 31, "1E+40", "1E-40", "12,50", "", "0x10"])
def test_what_is_no_amount_is_refused(value: str) -> None:
    with pytest.raises(InvalidAnswer):
        from_major(value, "EUR")


def test_a_fraction_of_a_minor_unit_is_refused() -> None:
    with pytest.raises(InvalidAnswer):
        from_minor("10.5", "EUR")


@given(st.integers(0, 10**29), st.sampled_from(sorted(EXPONENTS)))
def test_minor_and_major_units_agree_to_the_last_digit(units: int, currency: str) -> None:
    major = from_minor(units, currency)
    assert from_major(text(major), currency) == major
    assert int(text(major).replace(".", "")) == units


def test_exact_arithmetic_does_not_round_at_the_28th_digit() -> None:
    @exact
    def difference() -> Decimal:
        return Decimal("9" * 30) - Decimal("0.01")

    assert text(difference()) == "9" * 29 + "8.99"


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("10.00", "EUR"),
        ("0.00", "EUR"),
        ("-1.50", "EUR"),
        ("1080", "JPY"),
        ("1.234", "KWD"),
        ("0.005", "EUR"),
        ("7", "XYZ"),
    ],
)
def test_what_this_program_writes_is_canonical(amount: str, currency: str) -> None:
    assert is_canonical(amount, currency, minor=False)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("10.0", "EUR"), ("10", "EUR"), ("010.00", "EUR"), ("-0.00", "EUR"), ("1e2", "JPY"), (".50", "EUR"), ("5.", "JPY"),
     ("1,00", "EUR"), ("٣", "JPY"), ("1080\n", "JPY"), ("", "JPY"), (10, "JPY"), (None, "JPY"), ("NaN", "EUR")],
)  # fmt: skip
def test_other_texts_of_amounts_are_not(amount: object, currency: str) -> None:
    assert not is_canonical(amount, currency, minor=False)


def test_minor_units_are_whole() -> None:
    assert is_canonical("1080", "XYZ", minor=True)
    assert not is_canonical("10.80", "XYZ", minor=True)
