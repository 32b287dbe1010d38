"""Bars within tables, in whole thousandths of their length: no amount becomes a float."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

FULL = 1000
_VISIBLE = 6
"""Anything more than nothing is visible."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a bar; `kind` is a class of the stylesheet."""

    kind: str
    start: int
    length: int


def bar(parts: Sequence[tuple[str, Decimal | int]], whole: Decimal | int) -> tuple[Part, ...]:
    """The pieces of a bar that is full at `whole`, from left to right."""
    made: list[Part] = []
    start = 0
    for kind, amount in parts:
        length = share(amount, whole)
        if length:
            made.append(Part(kind, start, min(length, FULL - start)))
            start += length
    return tuple(part for part in made if part.length > 0)


def share(amount: Decimal | int, whole: Decimal | int) -> int:
    if amount <= 0 or whole <= 0:
        return 0
    return max(_VISIBLE, min(FULL, int(amount * FULL // whole)))
