"""Which lives there are, and how they are lived.

Two steps of one invoice are far enough apart that a watcher that polls every second sees each of them.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta

from watcher.sandbox.ledger import PROVIDERS
from watcher.sandbox.lives.adapter_files import ADAPTER_FILE_LIVES
from watcher.sandbox.lives.built_in import BUILT_IN_LIVES, HINTED_LIVES
from watcher.sandbox.lives.life import Life
from watcher.sandbox.server import Sandbox

Pace = Callable[[timedelta, str], Awaitable[None]]
"""Wait this long before the next step."""

_INSTANTS = frozenset({"dollr", "rapyd", "stripe", "chargebee"})
"""Providers whose due dates are instants; the others give a day, Fragment none."""

LIVES = BUILT_IN_LIVES + ADAPTER_FILE_LIVES

DEMO_PROVIDERS = tuple(dict.fromkeys(life.provider for life in BUILT_IN_LIVES))
"""Those that `demo` shows unless others are named."""

DEMO_WATCHES: Mapping[str, tuple[str, ...]] = {
    provider: tuple(life.id for life in LIVES if life.provider == provider) for provider in PROVIDERS
}
"""By source (named like its provider): the invoices that a watcher has to know before the demo starts."""

EXPECTED: Mapping[tuple[str, str], tuple[str, ...]] = {(life.provider, life.id): life.expects for life in LIVES}
"""By (source, invoice id): the types of all expected events, in order; `invoice.updated` may be added."""

LASTS = max(step.at for life in LIVES for step in life.steps)
"""From the start of the demo to its last step."""


def lives_of(providers: Collection[str]) -> tuple[Life, ...]:
    """All lives at these providers, without the hinted ones."""
    return tuple(life for life in LIVES if life.provider in providers)


def prepare(sandbox: Sandbox) -> None:
    """Write all bills into the ledger as they are before the demo."""
    now = sandbox.clock.now().replace(microsecond=0)
    for life in LIVES + HINTED_LIVES:
        due = None if life.provider == "fragment" else now + life.due_in
        if due is not None and life.provider not in _INSTANTS:
            due = due.date()
        sandbox.ledger.create(life.provider, life.id, life.currency, life.total, due, draft=life.draft)


async def play(sandbox: Sandbox, pace: Pace) -> None:
    """Live all lives once, after `prepare`, in the order of their instants."""
    played = timedelta()
    order = sorted(((step, life) for life in LIVES for step in life.steps), key=lambda pair: pair[0].at)
    for step, life in order:
        await pace(step.at - played, f"{life.provider} {life.id}: {step.description}")
        played = step.at
        step.act(sandbox.ledger, sandbox.ledger.bill(life.provider, life.id), sandbox.clock.now())
