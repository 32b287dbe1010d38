"""`deliveries` and `redeliver`: what is on its way, and sending it again."""

from functools import partial
from typing import Annotated

import anyio
import typer

from watcher.cli.arguments import checked_id
from watcher.cli.opening import opened
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import counted, field, print_document, print_list, tell
from watcher.clock import SystemClock
from watcher.daemon import wiring
from watcher.ports import DeliveryState
from watcher.store import Redelivery

app = top_level()

COLUMNS = (
    field("delivery", "delivery_id"),
    field("event", "type"),
    field("endpoint", "endpoint"),
    field("source", "source"),
    field("invoice", "invoice_id"),
    field("state", "state"),
    field("attempts", "attempts"),
    field("next attempt", "next_attempt_at"),
    field("answer", "last_status"),
    field("error", "last_error"),
)


@command(app, "deliveries", "deliveries --state pending")
def deliveries(
    invocation: Invocation,
    *,
    state: Annotated[DeliveryState | None, typer.Option("--state", help="Only those in this state.")] = None,
    endpoint: Annotated[str | None, typer.Option("--endpoint", metavar="NAME", help="Only those of it.")] = None,
) -> None:
    """List deliveries: one event on its way to one endpoint, with its attempts and what came back last."""
    anyio.run(_deliveries, invocation, state, endpoint)


async def _deliveries(invocation: Invocation, state: DeliveryState | None, endpoint: str | None) -> None:
    async with opened(invocation) as store:
        rows = await store.reports.deliveries(state=state, endpoint=endpoint)
    print_list(invocation, rows, COLUMNS, empty="No delivery matches.")


@command(app, "redeliver", "redeliver --invoice acme inv_1001 --dry-run")
def redeliver(
    invocation: Invocation,
    *,
    event: Annotated[str | None, typer.Option("--event", metavar="EVENT", help="This event, by its evt_… id.")] = None,
    invoice: Annotated[
        tuple[str, str] | None,
        typer.Option("--invoice", metavar="SOURCE ID", help="Every event of this invoice, in order."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell how many deliveries that would be.")] = False,
) -> None:
    """Send events again to every endpoint that has or would match them: same id, same bytes, fresh timestamp."""
    if (event is None) == (invoice is None):
        raise typer.BadParameter("give either --event EVENT or --invoice SOURCE ID")
    if invoice is not None:
        checked_id(invoice[1])
    anyio.run(partial(_redeliver, invocation, event, invoice, dry_run=dry_run))


async def _redeliver(
    invocation: Invocation, event: str | None, invoice: tuple[str, str] | None, *, dry_run: bool
) -> None:
    now = SystemClock().now()
    async with opened(invocation, read_only=False) as store:
        redelivery, subscriptions = Redelivery(store.store), wiring.subscriptions(store.loaded.configuration)
        if event is not None:
            count = await redelivery.redeliver_event(event, subscriptions, now, dry_run=dry_run)
        else:
            source, invoice_id = invoice or ("", "")
            count = await redelivery.redeliver_invoice(source, invoice_id, subscriptions, now, dry_run=dry_run)
    if invocation.as_json:
        print_document({"deliveries": count, "dry_run": dry_run})
    else:
        tell(f"{counted(count, 'webhook')} {'would be' if dry_run else 'will be'} sent again")
