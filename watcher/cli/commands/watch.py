"""`watch`: which invoices are polled."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import anyio
import typer

from watcher.cli.arguments import DueOnOption, InvoiceArgument, NoteOption, SourceArgument, TagsOption
from watcher.cli.audited import by_user
from watcher.cli.csv_output import CsvOption, print_found
from watcher.cli.open_store import Opened, known_source, opened, opened_for_changes
from watcher.cli.options import Invocation, command, group
from watcher.cli.output import Item, counted, field, print_answer, print_document
from watcher.clock import SystemClock
from watcher.config.load import Loaded
from watcher.config.toml.positions import Positions
from watcher.config.toml.reading import Reading, TomlFile
from watcher.config.watchlists.lists import read_lists
from watcher.core.errors import ConfigError, EditedInList, StillListed
from watcher.core.exports import csv_tables
from watcher.daemon import listed
from watcher.ports import AuditAction, DesiredWatch, Page, WatchEdit, WatchState
from watcher.ports.paging import pages
from watcher.store import SqlWatches

app = group(
    "Add, edit, remove, list, import, discover or poll watches. A watch is one invoice id tracked at one source."
)

_ORIGIN = "cli"

COLUMNS = (
    field("source", "source"),
    field("invoice", "invoice_id"),
    field("state", "state"),
    field("last poll", "last_polled_at"),
    field("next poll", "next_poll_at"),
    field("tags", "tags"),
    field("due on", "due_on"),
    field("from", "origins"),
    field("note", "note"),
    field("error", "last_error"),
)


@command(app, "add", "watch add acme inv_1001 --tag vip --due-on 2026-12-01")
def add(
    invocation: Invocation,
    source: SourceArgument,
    invoice_id: InvoiceArgument,
    *,
    tags: TagsOption = None,
    due_on: DueOnOption = None,
    note: NoteOption = None,
) -> None:
    """Watch an invoice from now on. It is polled at once; adding it again restarts a retired watch."""
    anyio.run(_add, invocation, DesiredWatch(source, invoice_id, tuple(tags or ()), due_on, note))


async def _add(invocation: Invocation, entry: DesiredWatch) -> None:
    async with opened_for_changes(invocation) as store:
        now, noted = SystemClock().now(), by_user(AuditAction.WATCH_ADD, f"{entry.source} {entry.invoice_id}")
        async with store.audit.refusals(noted, now):
            known_source(store.loaded, entry.source)
            added = await store.watches.add(entry, _ORIGIN, now, audit_entry=noted)
    _report(invocation, entry.source, entry.invoice_id, "watched" if added else "watched already")


@command(app, "remove", "watch remove acme inv_1001")
def remove(
    invocation: Invocation,
    source: SourceArgument,
    invoice_id: InvoiceArgument,
    *,
    purge: Annotated[
        bool,
        typer.Option("--purge", help="Also erase its raw documents, snapshots and names; event ids are kept."),
    ] = False,
) -> None:
    """Stop watching an invoice. Its history is kept, and adding it again continues it."""
    anyio.run(partial(_remove, invocation, source, invoice_id, purge=purge))


async def _remove(invocation: Invocation, source: str, invoice_id: str, *, purge: bool) -> None:
    now, action = SystemClock().now(), AuditAction.WATCH_PURGE if purge else AuditAction.WATCH_REMOVE
    noted = by_user(action, f"{source} {invoice_id}")
    async with opened(invocation, read_only=False) as store, store.audit.refusals(noted, now):
        try:
            await store.watches.remove(source, invoice_id, now, purge=purge, audit_entry=noted)
        except StillListed as refused:
            raise StillListed(source, invoice_id, _place(store, source, invoice_id, refused.place)) from refused
    _report(invocation, source, invoice_id, "purged" if purge else "removed")


@command(app, "edit", "watch edit acme inv_1001 --tag vip --note 'Ask Ada first'")
def edit(
    invocation: Invocation,
    source: SourceArgument,
    invoice_id: InvoiceArgument,
    *,
    tags: TagsOption = None,
    note: NoteOption = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take all its tags away.")] = False,
    no_note: Annotated[bool, typer.Option("--no-note", help="Take its note away.")] = False,
) -> None:
    """Change the tags or the note of a watch that was added by hand: the tags given are all that it has then.

    What a watch list says is edited in that list.
    """
    if (tags and no_tags) or (note is not None and no_note):
        raise typer.BadParameter("give new tags or --no-tags, and a new note or --no-note")
    if not (tags or no_tags or no_note) and note is None:
        raise typer.BadParameter("give what to change: --tag, --note, --no-tags or --no-note")
    new_tags = () if no_tags else tuple(dict.fromkeys(tags)) if tags else None
    anyio.run(_edit, invocation, source, invoice_id, WatchEdit(new_tags, "" if no_note else note))


async def _edit(invocation: Invocation, source: str, invoice_id: str, changes: WatchEdit) -> None:
    now, noted = SystemClock().now(), by_user(AuditAction.WATCH_EDIT, f"{source} {invoice_id}")
    async with opened(invocation, read_only=False) as store, store.audit.refusals(noted, now):
        try:
            await store.watches.edit(source, invoice_id, changes, _ORIGIN, now, audit_entry=noted)
        except EditedInList as refused:
            raise EditedInList(source, invoice_id, _place(store, source, invoice_id, refused.place)) from refused
    _report(invocation, source, invoice_id, "edited")


def _place(store: Opened, source: str, invoice_id: str, file: str) -> str:
    """File and line of an invoice in the watch lists as they are now."""
    places = (entry.where for entry in store.loaded.entries if (entry.source, entry.invoice_id) == (source, invoice_id))
    return next(places, file)


@command(app, "list", "watch list --json")
def list_all(
    invocation: Invocation,
    *,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only those of this source.")] = None,
    state: Annotated[WatchState | None, typer.Option("--state", help="Only those in this state.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Only those with this tag.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most this many.")] = None,
    as_csv: CsvOption = False,
) -> None:
    """List watches: what wants each of them, its state, and when it was and will be polled."""
    anyio.run(partial(_list, invocation, source=source, state=state, tag=tag, limit=limit, as_csv=as_csv))


async def _list(
    invocation: Invocation,
    *,
    source: str | None,
    state: WatchState | None,
    tag: str | None,
    limit: int | None,
    as_csv: bool,
) -> None:
    none = "Nothing is watched: try invoice-watcher watch add SOURCE ID."
    empty = "No watch matches." if source or state or tag else none
    async with opened(invocation) as store:

        async def read(after: tuple[str, str] | None, most: int) -> Sequence[Item]:
            return await store.reports.watch_list(source=source, state=state, tag=tag, after=after, limit=most)

        found = pages(read, lambda row: (str(row["source"]), str(row["invoice_id"])), limit)
        await print_found(invocation, found, COLUMNS, csv_tables.WATCHES, as_csv=as_csv, empty=empty)


@command(app, "import", "watch import march.csv")
def import_file(
    invocation: Invocation,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A TOML or CSV watch list.")
    ],
) -> None:
    """Add every watch of a file, once. A list that the configuration names is followed instead."""
    anyio.run(_import, invocation, file)


def read_list(file: Path, loaded: Loaded) -> tuple[DesiredWatch, ...]:
    """The united watches of one file. Raises ConfigError with all its mistakes."""
    reading = Reading(file, {})
    pattern = glob.escape(str(file.resolve()))
    lists = read_lists(TomlFile(file, {}, Positions({})), (pattern,), reading, tuple(loaded.configuration.sources))
    if reading.problems:
        raise ConfigError(reading.problem_lines())
    return lists.entries or ()


async def _import(invocation: Invocation, file: Path) -> None:
    async with opened_for_changes(invocation) as store:
        entries = read_list(file, store.loaded)
        now, noted = SystemClock().now(), by_user(AuditAction.WATCH_IMPORT, str(file))
        async with store.audit.steps(noted, now) as progress:
            added = await store.watches.import_entries(entries, _ORIGIN, now)
            progress.outcome = f"done: {counted(len(entries), 'invoice')}, {added} of them new"
    if invocation.as_json:
        print_document({"file": str(file), "watches": len(entries), "added": added})
    else:
        print_answer(f"{file}: {counted(len(entries), 'invoice')}, {added} of them new")


@command(app, "discover", "watch discover acme --dry-run")
def discover(
    invocation: Invocation,
    source: SourceArgument,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only: nothing is added.")] = False,
) -> None:
    """Watch every unsettled invoice that the provider lists now; `discover = true` in the source keeps doing so.

    What you have removed with `watch remove` stays removed.
    """
    anyio.run(partial(_discover, invocation, source, dry_run=dry_run))


async def _discover(invocation: Invocation, source: str, *, dry_run: bool) -> None:
    async with opened_for_changes(invocation) as store:
        known_source(store.loaded, source)
        counted_by = Counting(store.watches, source, dry_run=dry_run)
        if dry_run:
            await _count(store, counted_by)
        else:
            noted = by_user(AuditAction.WATCH_DISCOVER, source)
            async with store.audit.steps(noted, SystemClock().now()) as progress:
                await _count(store, counted_by)
                progress.outcome = f"done: {counted_by.new} added"
    if invocation.as_json:
        print_document(counted_by.document())
        return
    new = f"{counted_by.new} of them {'not watched yet' if dry_run else 'added'}"
    print_answer(f"{source}: {counted(counted_by.unsettled, 'unsettled invoice')} listed, {new}")


async def _count(store: Opened, counted_by: "Counting") -> None:
    async for page in listed(store.loaded, counted_by.source):
        await counted_by.take(page)


@dataclass(slots=True)
class Counting:
    """Counts the rows of a list by page, and watches the unsettled ones unless it is a dry run."""

    watches: SqlWatches
    source: str
    dry_run: bool
    all_rows: int = 0
    unsettled: int = 0
    new: int = 0

    async def take(self, page: Page) -> None:
        ids = [row.invoice_id for row in page.rows if not row.is_settled]
        if self.dry_run:
            self.new += len(await self.watches.undiscovered(self.source, ids))
        else:
            self.new += await self.watches.discover(self.source, ids, SystemClock().now())
        self.all_rows += len(page.rows)
        self.unsettled += len(ids)

    def document(self) -> dict[str, object]:
        counts = {"listed": self.all_rows, "unsettled": self.unsettled, "new": self.new, "dry_run": self.dry_run}
        return {"source": self.source, **counts}


@command(app, "poll", "watch poll acme inv_1001")
def poll(invocation: Invocation, source: SourceArgument, invoice_id: InvoiceArgument) -> None:
    """Ask the running service to poll an invoice now; it does within five seconds, if the rate allows."""
    anyio.run(_poll, invocation, source, invoice_id)


async def _poll(invocation: Invocation, source: str, invoice_id: str) -> None:
    now, noted = SystemClock().now(), by_user(AuditAction.WATCH_POLL, f"{source} {invoice_id}")
    async with opened(invocation, read_only=False) as store, store.audit.refusals(noted, now):
        await store.watches.request_poll(source, invoice_id, now, audit_entry=noted)
    _report(invocation, source, invoice_id, "poll requested")


def _report(invocation: Invocation, source: str, invoice_id: str, done: str) -> None:
    if invocation.as_json:
        print_document({"source": source, "invoice_id": invoice_id, "done": done})
    else:
        print_answer(f"{source} {invoice_id}: {done}")
