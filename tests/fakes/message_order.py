"""Whether messages to people say what happened to an invoice: each event, in order, and repeats only from before."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime


def explanations(
    expected: Sequence[str], told: Iterable[tuple[datetime, Counter[str]]]
) -> dict[int, tuple[datetime, ...]]:
    """How many events can have been told, and when each was first, if each message told the next or repeated some.

    `told` are the types of events that each message names of this invoice. Empty if nothing explains the messages.
    """
    reached: dict[int, tuple[datetime, ...]] = {0: ()}
    for at, kinds in told:
        count, before, reached = kinds.total(), reached, {}
        for place, times in before.items():
            for start in range(place + 1):
                stop = start + count
                if stop <= len(expected) and Counter(expected[start:stop]) == kinds:
                    # Of several explanations the one with repeats first: it tells nothing too early.
                    later = (*times, *[at] * max(0, stop - place))
                    reached[max(place, stop)] = max(later, reached.get(max(place, stop), ()))
    return reached
