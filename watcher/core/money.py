"""Exact money. Providers count in minor units (whole numbers) or major units (decimals); the contract uses strings."""

import functools
import re
from collections.abc import Callable
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, localcontext
from typing import ParamSpec, TypeVar

from watcher.core.errors import InvalidAnswer

MAX_DIGITS = 30
_SMALL = 10**18
"""Below it an integer is an amount without further checks: almost all of them are."""
NEARLY_WHOLE = Decimal("0.001")
"""In minor units. A value this close to a whole number is float noise of the provider, not money."""

_EXACT = Context(prec=100, traps=[DivisionByZero, Inexact, InvalidOperation, Overflow])
_ROUNDING = Context(prec=100)

_CANONICAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")

_P = ParamSpec("_P")
_T = TypeVar("_T")

_ZERO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"
_TWO_DECIMALS = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
    "CHW CNH CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL "
    "HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR "
    "MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD "
    "SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG "
    "YER ZAR ZMW ZWG ZWL"
)

EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_ZERO_DECIMALS.split(), 0),
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
    **dict.fromkeys(_FOUR_DECIMALS.split(), 4),
}
"""Decimals of a currency's minor unit: ISO 4217 with the recently withdrawn currencies, and CNH."""


def exact(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Decorates a function whose Decimal arithmetic must be exact: Python's default context rounds at 28 digits."""

    @functools.wraps(function)
    def exactly(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        with localcontext(_EXACT):
            return function(*args, **kwargs)

    return exactly


def from_minor(value: int | str | Decimal, currency: str) -> Decimal:
    """Whole minor units to major units with the currency's decimals; unchanged if the exponent is unknown.

    Raises InvalidAnswer for anything that is not a whole number of at most 30 digits.
    """
    if type(value) is int and -_SMALL < value < _SMALL:
        return Decimal(value).scaleb(-EXPONENTS.get(currency, 0), _EXACT)
    number = _bounded(value)
    if number != number.to_integral_value():
        raise InvalidAnswer(f"amount {value!s:.40} in minor units is not a whole number")
    whole = _bounded(int(number))
    return whole.scaleb(-EXPONENTS.get(currency, 0), _EXACT)


def from_major(value: int | str | Decimal, currency: str) -> Decimal:
    """Major units, with at least the currency's decimals. Float noise is removed, other extra decimals are kept.

    Raises InvalidAnswer for NaN, Infinity and numbers of more than 30 digits.
    """
    number = _bounded(value)
    exponent = EXPONENTS.get(currency)
    if exponent is None:
        return number
    unit = Decimal(1).scaleb(-exponent)
    whole = number.quantize(unit, context=_ROUNDING)
    noise = _ROUNDING.subtract(number, whole).copy_abs()
    return whole if noise <= unit * NEARLY_WHOLE else number


def is_known(currency: str) -> bool:
    return currency in EXPONENTS


def text(amount: Decimal) -> str:
    """The exact decimal string, never in scientific notation, never "-0"."""
    return format(amount or amount.copy_abs(), "f")


def is_canonical(amount: object, currency: str, *, minor: bool) -> bool:
    """Whether this is the text of an amount as this program writes it: with the currency's decimals or more.

    `minor`: whole minor units of a currency whose decimals are unknown.
    """
    if not isinstance(amount, str) or not _CANONICAL.fullmatch(amount):
        return False
    decimals = len(amount.partition(".")[2])
    return (decimals == 0 if minor else decimals >= EXPONENTS.get(currency, 0)) and text(Decimal(amount)) == amount


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _bounded(value: int | str | Decimal) -> Decimal:
    if isinstance(value, str) and len(value) > MAX_DIGITS * 2:
        raise InvalidAnswer(f"amount {value[:40]}… has over {MAX_DIGITS} digits")
    try:
        number = Decimal(value)
    except ArithmeticError as error:
        raise InvalidAnswer(f"amount {value!r:.40} is not a number") from error
    if not number.is_finite():
        raise InvalidAnswer(f"amount {value!s:.40} is not a finite number")
    digits = len(number.as_tuple().digits)
    if digits > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS or _decimals(number) > MAX_DIGITS:
        raise InvalidAnswer(f"amount {value!s:.40} has over {MAX_DIGITS} digits")
    return Decimal(number)
