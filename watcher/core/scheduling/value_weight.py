"""The amount due of an invoice as a whole number on a logarithmic scale, for scheduling.

No float is made into money: an amount enters as an exact decimal and becomes a class, and weights are made of classes.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache

from watcher.core.invoices.invoice import Amounts

_CLASSES_PER_DOUBLING = 4
"""Each class is a fifth wider than the one before; this changes an interval by at most a twentieth."""
_MOST = 400


def worth_of(amounts: Iterable[Amounts]) -> tuple[str | None, int | None]:
    """(currency, class) of the first currency, by name, in which something is due; (None, None) if nothing is.

    An invoice in several currencies counts by that one alone: there is no exchange rate to add them with.
    """
    for row in sorted(amounts, key=lambda row: row.currency):
        if row.due > 0:
            return row.currency, _class_of(row.due)
    return None, None


def value_of(worth: int) -> float:
    """Roughly the amount of this class. For weights only: no money is made of it."""
    return 2.0 ** (worth / _CLASSES_PER_DOUBLING)


def means(census: Iterable[tuple[str | None, int | None, int]]) -> Mapping[str, float]:
    """The mean value by currency of (currency, class, count) rows. Weights are relative to it."""
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    for currency, worth, count in census:
        if currency is not None and worth is not None:
            sums[currency] = sums.get(currency, 0.0) + count * value_of(worth)
            counts[currency] = counts.get(currency, 0) + count
    return {currency: total / counts[currency] for currency, total in sums.items()}


def weight(currency: str | None, worth: int | None, mean_values: Mapping[str, float]) -> float:
    """The value as a multiple of its currency's mean; 1 if nothing is due or there is no mean."""
    mean = None if currency is None else mean_values.get(currency)
    return 1.0 if mean is None or worth is None else value_of(worth) / mean


@lru_cache(maxsize=4096)
def _class_of(due: Decimal) -> int:
    doublings = due.ln() / Decimal(2).ln()
    return max(-_MOST, min(_MOST, int((doublings * _CLASSES_PER_DOUBLING).to_integral_value())))
