"""`trigger`: sends one example of an event to a receiver in one's own network."""

import secrets
from typing import Annotated

import anyio
import typer

from watcher.cli.open_store import known_endpoint, load_configuration
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import print_note
from watcher.cli.test_result import report
from watcher.core.errors import Refused
from watcher.core.invoices.event import EventType
from watcher.core.webhooks.examples import TEST_ID_PREFIX
from watcher.core.webhooks.subscription import matches
from watcher.daemon import send_example
from watcher.webhook import Fault

app = top_level()

_ID_BYTES = 12


@command(app, "trigger", "trigger invoice.paid --endpoint ledger")
def trigger(
    invocation: Invocation,
    event_type: Annotated[EventType, typer.Argument(metavar="TYPE", help="Such as invoice.paid.")],
    *,
    endpoint: Annotated[str, typer.Option("--endpoint", metavar="NAME", help="Where to send it.")],
) -> None:
    """Send one realistic example of an event now, signed, to an endpoint in your own network.

    Its id begins with evt_test_ and its data says "test": true. Goes only to addresses inside the endpoint's
    allow_private, whatever its filters say. Needs no database; nothing is recorded or retried. Exits 1 unless the
    endpoint answered 2xx.
    """
    settings = known_endpoint(load_configuration(invocation).configuration, endpoint)
    if not settings.allow_private:
        raise Refused(
            f"endpoint {endpoint!r} has no allow_private: examples go only to addresses inside it, never to the public"
        )
    event_id = f"{TEST_ID_PREFIX}{secrets.token_hex(_ID_BYTES)}"
    result = anyio.run(send_example, settings, event_type, event_id)
    if result.error == Fault.ADDRESS_REFUSED:
        detail = f" ({result.detail})" if result.detail else ""
        raise Refused(f"examples go only to addresses inside allow_private, and {settings.url} leads elsewhere{detail}")
    if not matches(event_type.value, settings.events):
        print_note(f"{endpoint} would not get a real event of this type: its `events` leave out {event_type.value}")
    report(invocation, settings.url, result)
