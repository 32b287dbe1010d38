"""People who get messages while everything breaks, and whether they were told each event, in order, and once."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import anyio
from aiohttp import web

from tests.acceptance.messages import Mailbox
from tests.chaos.receiver import Mood
from tests.fakes.message_order import explanations
from tests.fakes.message_text import KINDS, read_message

DIGEST, SINGLE = "finance", "desk"
"""The notification with a digest a minute, and the one with a message for each of a few events."""
SELECTED: Mapping[str, Sequence[str]] = {DIGEST: KINDS, SINGLE: ("invoice.overdue",)}
LEASED = """SELECT deliveries.endpoint, events.type, watches.number FROM deliveries
JOIN events ON events.cursor = deliveries.cursor JOIN watches ON watches.id = events.watch_id
WHERE deliveries.state = 'delivering' AND deliveries.endpoint IN ('finance', 'desk')"""
AGED = """UPDATE deliveries SET next_attempt_at = next_attempt_at - 36000000000, due_at = due_at - 36000000000
WHERE state = 'pending' AND endpoint IN ('finance', 'desk')"""
"""What waits for a digest, or for another attempt, becomes ten hours older."""
WAITING = "SELECT COUNT(*) FROM deliveries WHERE state <> 'delivered' AND endpoint IN ('finance', 'desk')"

Key = tuple[str, str, str]
"""The notification, the type of an event, and the number of its invoice."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message that was taken: of which notification, and the types of events by invoice."""

    name: str
    kinds: Mapping[str, Counter[str]]


@dataclass
class MoodyMailbox(Mailbox):
    """`told` is what it has taken; `repeats` counts by key how often something may come again."""

    rng: Random = field(default_factory=Random)
    moods: deque[Mood] = field(default_factory=deque[Mood])
    told: list[Told] = field(default_factory=list[Told])
    repeats: Counter[Key] = field(default_factory=Counter[Key])
    mistakes: list[str] = field(default_factory=list[str])
    is_calm: bool = False

    async def _take(self, request: web.Request, title: str, text: str) -> web.StreamResponse:
        mood = self.moods.popleft() if self.moods else None
        name = request.path.strip("/")
        try:
            facts = read_message(title, text)
        except (ValueError, KeyError) as error:
            self.mistakes.append(f"{name}: {error}")
            return web.Response()
        if not self.is_calm:
            await anyio.sleep(self.rng.uniform(0, 0.4))  # so that a kill meets it in the middle
        if mood is not None:
            self.repeats.update((name, *fact) for fact in facts)
        if mood in {None, Mood.LOST}:
            kinds: dict[str, Counter[str]] = defaultdict(Counter)
            for (kind, number), times in facts.items():
                kinds[number][kind] += times
            self.told.append(Told(name, kinds))
        if mood is Mood.HANG:
            await self.closed.wait()
        if mood in {Mood.RESET, Mood.LOST} and request.transport is not None:
            request.transport.abort()
        return web.Response(status=200 if mood is None else 500)


def message_problems(
    history: Iterable[Mapping[str, object]], told: Sequence[Told], repeats: Mapping[Key, int]
) -> Iterator[str]:
    """`history` is what `events --json` printed; `repeats` counts how often each key may come again."""
    happened = list(_happened(history))
    for name, selected in SELECTED.items():
        expected: dict[str, list[str]] = defaultdict(list)
        for kind, number in happened:
            if kind in selected:
                expected[number].append(kind)
        of_name = [one.kinds for one in told if one.name == name]
        for number in sorted({*expected, *(number for kinds in of_name for number in kinds)}):
            messages = [kinds[number] for kinds in of_name if number in kinds]
            yield from _of_invoice(name, number, expected.get(number, []), messages, repeats)


def _happened(history: Iterable[Mapping[str, object]]) -> Iterator[tuple[str, str]]:
    for event in history:
        match event:
            case {"type": str(kind), "data": {"invoice": {"number": str(number)}}}:
                yield kind, number
            case _:
                pass


def _of_invoice(
    name: str, number: str, expected: Sequence[str], messages: Sequence[Counter[str]], repeats: Mapping[Key, int]
) -> Iterator[str]:
    now = datetime.now(UTC)
    if max(explanations(expected, [(now, kinds) for kinds in messages]), default=-1) != len(expected):
        yield f"{name}: {number} has {expected}, and people were told {[dict(kinds) for kinds in messages]}"
    times = sum(messages, Counter[str]())
    for kind, count in times.items():
        once, excused = expected.count(kind), repeats.get((name, kind, number), 0)
        if count > once + excused:
            yield f"{name}: {kind} of {number} was told {count} times, happened {once} times, {excused} excused"
