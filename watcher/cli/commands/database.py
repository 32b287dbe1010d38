"""`db`: the database's schema, and copies of it."""

from pathlib import Path
from typing import Annotated

import anyio
import typer

from watcher import store
from watcher.cli.audited import by_user
from watcher.cli.open_store import database_url, load_configuration
from watcher.cli.options import Invocation, command, group
from watcher.cli.output import Item, print_answer, print_document, print_note
from watcher.clock import SystemClock
from watcher.ports import AuditAction

app = group("Upgrade, check or back up the database.")


def _url(invocation: Invocation) -> str:
    return database_url(load_configuration(invocation))


@command(app, "upgrade", "db upgrade")
def upgrade(invocation: Invocation) -> None:
    """Create the database, or upgrade its schema to that of this program. A first `run` creates it by itself.

    What replicas of an older program would not work with waits until they are gone, at most `[database] wait`.
    """
    loaded = load_configuration(invocation)
    wait = loaded.configuration.database.wait
    noted = by_user(AuditAction.DATABASE_UPGRADE, "schema"), SystemClock().now()
    _report(invocation, anyio.run(store.upgrade, database_url(loaded), wait, print_note, noted))


@command(app, "check", "db check")
def check(invocation: Invocation) -> None:
    """Read the whole database while the service runs, and say what is wrong with it; exits 1 if anything is.

    Besides damages: events, snapshots, deliveries and open amounts that contradict each other.
    """
    checked = anyio.run(store.check, _url(invocation))
    if invocation.as_json:
        print_document({"result": checked.result, "problems": [_item(problem) for problem in checked.problems]})
    else:
        for problem in checked.problems:
            print_answer(problem.sentence)
        print_answer(checked.result)
    if checked.problems:
        raise typer.Exit(1)


@command(app, "backup", "db backup /var/backups/invoice-watcher.db")
def backup(
    invocation: Invocation,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; never overwritten.")],
) -> None:
    """Copy the SQLite database while the service runs. For PostgreSQL use pg_dump."""
    _report(invocation, anyio.run(store.backup, _url(invocation), file))


def _item(problem: store.Problem) -> Item:
    return {
        "problem": problem.sentence,
        "source": problem.source,
        "invoice_id": problem.invoice_id,
        "sequence": problem.sequence,
    }


def _report(invocation: Invocation, sentence: str) -> None:
    if invocation.as_json:
        print_document({"result": sentence})
    else:
        print_answer(sentence)
