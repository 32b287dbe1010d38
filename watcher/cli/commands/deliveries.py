"""`deliveries` and `redeliver`: lists deliveries, and sends events again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated

import anyio
import typer

from watcher.cli.arguments import MOMENTS, checked_id, moment
from watcher.cli.audited import by_user
from watcher.cli.csv_output import CsvOption, print_found
from watcher.cli.open_store import Opened, opened, unknown
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import Item, counted, field, print_answer, print_document, print_note
from watcher.clock import SystemClock
from watcher.core.errors import Refused
from watcher.core.exports import csv_tables
from watcher.core.instants import instant_text
from watcher.daemon import wiring
from watcher.ports import AuditAction, AuditEntry, DeliveryState
from watcher.ports.paging import pages
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
    as_csv: CsvOption = False,
) -> None:
    """List deliveries: each is one event for one endpoint, with its attempts and the last answer."""
    anyio.run(partial(_deliveries, invocation, state, endpoint, as_csv=as_csv))


async def _deliveries(
    invocation: Invocation, state: DeliveryState | None, endpoint: str | None, *, as_csv: bool
) -> None:
    async with opened(invocation) as store:

        async def read(after: int | None, most: int) -> Sequence[Item]:
            return await store.reports.deliveries(state=state, endpoint=endpoint, after=after or 0, limit=most)

        found = pages(read, delivery_number)
        await print_found(
            invocation, found, COLUMNS, csv_tables.DELIVERIES, as_csv=as_csv, empty="No delivery matches."
        )


def delivery_number(item: Item) -> int:
    return int(str(item["delivery_id"]).partition("_")[2])


@command(app, "redeliver", "redeliver --endpoint ledger --since 2h --dry-run")
def redeliver(
    invocation: Invocation,
    *,
    event: Annotated[str | None, typer.Option("--event", metavar="EVENT", help="This event, by its evt_… id.")] = None,
    invoice: Annotated[
        tuple[str, str] | None,
        typer.Option("--invoice", metavar="SOURCE ID", help="Every event of this invoice, in order."),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", metavar="NAME", help="Every event since --since, to this endpoint alone."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--since", metavar="WHEN", help=f"{MOMENTS[0].upper()}{MOMENTS[1:]}.", parser=moment),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--until", metavar="WHEN", help="Only what was recorded before then; else all.", parser=moment),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the deliveries.")] = False,
) -> None:
    """Send events again: same id, same bytes, new timestamp and signature.

    One event, or those of one invoice, go to every endpoint that has or would match them; a time range goes to the
    endpoint named, with the events that it never had and would get today. New events go first.
    """
    if [event, invoice, endpoint].count(None) != 2:  # noqa: PLR2004 -- two of three
        raise typer.BadParameter("give one of --event EVENT, --invoice SOURCE ID and --endpoint NAME --since WHEN")
    if (endpoint is None) != (since is None) or (until is not None and since is None):
        raise typer.BadParameter("--endpoint NAME and --since WHEN go together, and --until WHEN with them")
    if since is not None and until is not None and until <= since:
        raise typer.BadParameter("--until is not after --since: there is nothing between")
    if invoice is not None:
        checked_id(invoice[1])
    anyio.run(_redeliver, invocation, _Choice(event, invoice, endpoint, since, until), dry_run)


@dataclass(frozen=True, slots=True)
class _Choice:
    """What to send again: one of event, invoice, or endpoint with `since`."""

    event: str | None
    invoice: tuple[str, str] | None
    endpoint: str | None
    since: datetime | None
    until: datetime | None

    @property
    def target(self) -> str:
        """As the audit trail names it."""
        if self.endpoint is not None:
            since, until = (None if at is None else instant_text(at) for at in (self.since, self.until))
            return f"{self.endpoint} since {since}{f' until {until}' if until else ''}"
        return self.event or " ".join(self.invoice or ())


async def _redeliver(invocation: Invocation, choice: _Choice, dry_run: bool) -> None:  # noqa: FBT001 -- anyio.run has no keywords
    async with opened(invocation, read_only=dry_run) as store:
        if dry_run:
            count = await _send_again(store, choice, dry_run=True)
        else:
            noted = by_user(AuditAction.REDELIVER, choice.target)
            async with store.audit.refusals(noted, SystemClock().now()):
                count = await _send_again(store, choice, noted)
        held = [] if dry_run else await _held_back(store, choice.endpoint)
    if invocation.as_json:
        print_document({"deliveries": count, "dry_run": dry_run})
    else:
        print_answer(f"{counted(count, 'webhook')} {'would be' if dry_run else 'will be'} sent again")
    for name in held if count else []:
        print_note(f"{name} is disabled: its webhooks wait until `invoice-watcher endpoints enable {name}`")


async def _send_again(store: Opened, choice: _Choice, noted: AuditEntry | None = None, *, dry_run: bool = False) -> int:
    now = SystemClock().now()
    redelivery, configuration = Redelivery(store.store), store.loaded.configuration
    subscriptions = {one.endpoint: one for one in wiring.subscriptions(configuration)}
    if choice.endpoint is not None and choice.since is not None:
        if choice.endpoint not in subscriptions and choice.endpoint in configuration.subscribers:
            raise Refused(
                f"endpoint {choice.endpoint!r} has `enabled = false` in {configuration.path}: nothing is sent"
            )
        if choice.endpoint not in subscriptions:
            raise unknown("endpoint", choice.endpoint, subscriptions, f"in {configuration.path}")
        subscription, until = subscriptions[choice.endpoint], choice.until or now
        if noted is None:
            return await redelivery.redeliver_range(subscription, choice.since, until, now, dry_run=True)
        async with store.audit.steps(noted, now) as progress:
            count = await redelivery.redeliver_range(subscription, choice.since, until, now)
            progress.outcome = f"done: {counted(count, 'webhook')}"
        return count
    everyone = tuple(subscriptions.values())
    if choice.event is not None:
        return await redelivery.redeliver_event(choice.event, everyone, now, dry_run=dry_run, audit_entry=noted)
    source, invoice_id = choice.invoice or ("", "")
    return await redelivery.redeliver_invoice(source, invoice_id, everyone, now, dry_run=dry_run, audit_entry=noted)


async def _held_back(store: Opened, endpoint: str | None) -> list[str]:
    rows = await store.reports.endpoints()
    return [str(row["name"]) for row in rows if row["state"] == "disabled" and endpoint in {None, row["name"]}]
