"""People who get messages: services that refuse, are late, and lose the answers to what they have taken."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from sqlite3 import Connection

import anyio

from tests.fakes.message_text import Facts, read_message
from tests.simulation.disk import Disk
from tests.simulation.network import World
from tests.simulation.processes import Process, Step, current
from watcher.notify import NotifyTarget
from watcher.notify.rendering import Rendered
from watcher.notify.services import Result

Key = tuple[str, str, str, str]
"""The notification, one of its URLs, the type of an event, and its invoice."""
_LEASED = """SELECT deliveries.endpoint, events.type, watches.invoice_id FROM deliveries
JOIN events ON events.cursor = deliveries.cursor JOIN watches ON watches.id = events.watch_id
WHERE deliveries.state = 'delivering'"""


@dataclass(frozen=True, slots=True)
class Message:
    """What a service has taken. `at` is in seconds of true time, `clock` the time on the machine's clock."""

    at: float
    clock: datetime
    name: str
    url: str
    facts: Facts


@dataclass
class Messages:
    """All services. `repeats` counts by key how often something may come again: it was taken, and nobody knows."""

    world: World
    disk: Disk
    taken: list[Message] = field(default_factory=list[Message])
    repeats: Counter[Key] = field(default_factory=Counter[Key])
    handed: dict[Process, set[Key]] = field(default_factory=dict[Process, set[Key]])
    """What each process has given to a service."""

    async def send(self, url: str, rendered: Rendered, target: NotifyTarget, on_end: Callable[[], None]) -> Result:
        """`notify.Transport`."""
        world, process = self.world, current()
        facts = self._read(rendered)
        fault = world.rng.randrange(3) if world.strikes(world.weather.receiver) else None
        if process.is_stopped_in(Step.MESSAGE):
            fault = world.rng.randrange(2)
        keys = {(target.name, url, *fact) for fact in facts}
        self.handed.setdefault(process, set()).update(keys)
        answered = False
        try:
            await world.last(longest=0.5)
            if fault == 2:
                answered = True
                return Result(sent=False, detail="503")
            if fault != 0 and not process.is_dead:
                self.taken.append(Message(anyio.current_time(), world.clock.now(), target.name, url, facts))
                world.trace(f"{target.name}: message {sorted(facts.items())} fault {fault}")
            await world.last(longest=0.5)
            if fault is not None:
                await anyio.sleep(target.timeout.total_seconds())
                raise TimeoutError
            answered = True
            return Result(sent=True)
        finally:
            on_end()
            # What a full disk does not let it note is sent to all services again.
            if not answered or (len(target.urls) > 1 and self.disk.failing):
                self.repeats.update(keys)

    def lost(self, process: Process, database: Connection) -> None:
        """A process is stopped or dead: what it had sent and not settled may come again."""
        leased = set(database.execute(_LEASED))
        handed = self.handed.get(process, set())
        self.repeats.update(key for key in handed if (key[0], *key[2:]) in leased)

    def _read(self, rendered: Rendered) -> Facts:
        try:
            facts = read_message(rendered.subject, rendered.text)
        except ValueError as error:
            self.world.mistakes.append(str(error))
            return Facts()
        if not facts:
            self.world.mistakes.append(f"a message says nothing: {rendered.subject}")
        return facts
