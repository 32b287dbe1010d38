"""The two axes of a chart: round numbers from zero upwards, and places from left to right."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Context, Decimal

_EXACT = Context(prec=100)
_STEPS = 4
"""Steps from zero to the highest tick, at most."""
_NICE = (1, 2, 5, 10)
_LARGE = ((12, "tn"), (9, "bn"), (6, "M"), (4, "k"))
"""From which power of ten on; four digits are short enough as they are."""
_LARGEST_POWER = 16
_ALL_LABELLED = 8
_LABELS = 6


def ticks(most: Decimal | int, *, whole: bool) -> tuple[Decimal, ...]:
    """Round numbers from zero on, the last one at or above `most`; `whole` allows no fractions."""
    most = Decimal(most)
    if most <= 0:
        return (Decimal(0), Decimal(1))
    least = _EXACT.divide(most, Decimal(_STEPS))
    power = least.adjusted()
    step = next(nice for one in _NICE if (nice := Decimal(one).scaleb(power)) >= least)
    if whole:
        step = max(step, Decimal(1))
    count = int(_EXACT.divide(most, step).to_integral_value(ROUND_CEILING, _EXACT))
    return tuple(_EXACT.multiply(step, Decimal(number)) for number in range(count + 1))


def tick_text(tick: Decimal, highest: Decimal) -> str:
    """Short: thousands of a large axis as `20 k`."""
    power = highest.adjusted()
    if power > _LARGEST_POWER:
        return f"{tick.normalize(_EXACT):E}" if tick else "0"
    exponent, unit = next(((one, name) for one, name in _LARGE if power >= one), (0, ""))
    text = f"{tick.scaleb(-(exponent // 3 * 3), _EXACT).normalize(_EXACT):,f}"
    return f"{text} {unit}" if unit and tick else text


def labelled(places: Sequence[object]) -> frozenset[int]:
    """The numbers of the places that have room for a label, counted back from the last."""
    every = 1 if len(places) <= _ALL_LABELLED else -(-len(places) // _LABELS)
    return frozenset(range(len(places) - 1, -1, -every))
