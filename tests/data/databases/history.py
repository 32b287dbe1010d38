"""What happened in the databases of `tests/data/databases`, so that the story can go on with a newer program."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from tests.acceptance.daemon import Site
from tests.fakes.clock import FakeClock
from watcher.sandbox import DEMO_HINT_SECRETS, HintTarget, Ledger, Sandbox
from watcher.sandbox.server import free_port

PROVIDER = "meteroid"
BILLED_AT = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
"""When everything happens at the provider: the same whenever the story is told."""
FIRST_WITH_HINTS, FIRST_WITH_MESSAGES = 9, 10


@dataclass(frozen=True)
class Step:
    """Something that happens at the provider, and the events that follow from it, by invoice."""

    happens: Callable[[Ledger], object]
    events: Mapping[str, tuple[str, ...]]


def _bill_all(ledger: Ledger) -> None:
    ledger.create(PROVIDER, "inv_paid", "EUR", 107_998)
    ledger.create(PROVIDER, "inv_open", "JPY", 50_000, date(2999, 12, 31))
    ledger.create(PROVIDER, "inv_late", "KWD", 1_234_567, date(2026, 11, 1))
    ledger.create(PROVIDER, "inv_added", "EUR", 4_200, draft=True)


STEPS = (
    Step(
        _bill_all,
        {
            "inv_paid": ("tracked",),
            "inv_open": ("tracked",),
            "inv_late": ("tracked", "overdue"),
            "inv_added": ("tracked",),
        },
    ),
    Step(lambda ledger: ledger.pay(ledger.bill(PROVIDER, "inv_paid"), 40_000), {"inv_paid": ("partially_paid",)}),
    Step(lambda ledger: ledger.pay(ledger.bill(PROVIDER, "inv_open"), 20_000), {"inv_open": ("partially_paid",)}),
    Step(lambda ledger: ledger.pay(ledger.bill(PROVIDER, "inv_paid")), {"inv_paid": ("paid",)}),
    Step(lambda ledger: ledger.finalize(ledger.bill(PROVIDER, "inv_added")), {"inv_added": ("finalized",)}),
    Step(lambda ledger: ledger.void(ledger.bill(PROVIDER, "inv_added")), {"inv_added": ("voided",)}),
)
NEXT = Step(lambda ledger: ledger.pay(ledger.bill(PROVIDER, "inv_open")), {"inv_open": ("paid",)})
"""What a newer program has to see next."""
LISTED = ("inv_paid", "inv_open", "inv_late", "inv_nowhere")
ADDED = "inv_added"


def stop_clock(sandbox: Sandbox) -> None:
    """Let everything happen at one instant, without changing the `Date` of the answers."""
    sandbox.ledger._clock = FakeClock(BILLED_AT)  # pyright: ignore[reportPrivateUsage] -- a clock for the ledger alone


def configure(site: Site, url: str) -> None:
    """With the keys that every version so far has: a source, an endpoint that answers, and one that does not."""
    site.source(PROVIDER, rate="100/s")
    site.endpoint()
    site.endpoint("nobody", url=f"http://127.0.0.1:{free_port()}/", events=["invoice.paid"], retries=["0s", "1h"])
    site.endpoint("thin", payload="thin", events=["invoice.*", "!invoice.tracked"])
    site.watch(PROVIDER, *LISTED, tags=["old"])
    site.database = {"url": url} if url.startswith("sqlite") else {"url": {"file": site.secret("database", url)}}


def configure_hints(site: Site) -> None:
    """What came with revision 0009."""
    site.hints = {"listen": f"127.0.0.1:{free_port()}"}
    site.hints["public_url"] = f"http://{site.hints['listen']}"
    secret = DEMO_HINT_SECRETS[PROVIDER]
    site.sources[PROVIDER] |= {"hints": {"secret": {"file": site.secret("hints", secret)}}}
    site.sandbox.hints.targets[PROVIDER] = HintTarget(f"{site.hints['public_url']}/hints/{PROVIDER}", secret)


def configure_messages(site: Site, good: int) -> None:
    """What came with revision 0010: one service that gets messages at this port, and one that does not answer."""
    services = {"good_url": good, "bad_url": free_port()}
    site.notify["people"] = {
        "urls": [{"file": site.secret(name, f"json://127.0.0.1:{port}/")} for name, port in services.items()],
        "events": ["invoice.overdue", "invoice.paid"],
        "allow_private": ["127.0.0.0/8"],
    }
