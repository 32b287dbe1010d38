"""`endpoints`: the webhook subscribers."""

from dataclasses import asdict
from typing import Annotated

import anyio
import typer

from watcher.cli.opening import load_configuration, opened, unknown
from watcher.cli.options import Invocation, command, group
from watcher.cli.output import Column, field, print_document, print_list, tell
from watcher.daemon import send_test

app = group("List the webhook subscribers, or test one.")

COLUMNS = (
    field("endpoint", "name"),
    field("url", "url"),
    field("state", "state"),
    Column("waiting", field("", "waiting").value, right=True),
)


@command(app, "list", "endpoints list")
def list_all(invocation: Invocation) -> None:
    """List the endpoints, whether they are in order, and how many deliveries wait for each."""
    anyio.run(_list, invocation)


async def _list(invocation: Invocation) -> None:
    async with opened(invocation) as store:
        rows = await store.reports.endpoints()
    print_list(invocation, rows, COLUMNS, empty="No endpoint is configured.")


@command(app, "test", "endpoints test ledger")
def test(
    invocation: Invocation, name: Annotated[str, typer.Argument(metavar="NAME", help="The endpoint's name.")]
) -> None:
    """Send one signed webhook.test now, and tell what came of it. Needs no database; nothing is recorded or retried.

    Exits 1 unless the endpoint answered 2xx.
    """
    configuration = load_configuration(invocation).configuration
    endpoint = configuration.endpoints.get(name)
    if endpoint is None:
        raise unknown("endpoint", name, configuration.endpoints, f"in {configuration.path}")
    tested = anyio.run(send_test, configuration, endpoint, "command line")
    if invocation.as_json:
        print_document(asdict(tested))
    else:
        tell(f"{name} ({endpoint.url}): {tested.explanation} ({tested.milliseconds} ms)")
    if not tested.delivered:
        raise typer.Exit(1)
