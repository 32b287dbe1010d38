"""`endpoints`: the webhook subscribers."""

import secrets
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import partial
from typing import Annotated

import anyio
import typer

from watcher.cli.audited import by_user
from watcher.cli.open_store import database_url, known_subscriber, load_configuration, opened, unknown
from watcher.cli.options import Invocation, command, group
from watcher.cli.output import counted, field, print_answer, print_document, print_list, print_note
from watcher.cli.test_result import report
from watcher.clock import SystemClock
from watcher.config.environment import environment
from watcher.config.load import Loaded, find
from watcher.config.rotation import Rotation, endpoint_names, rotation
from watcher.config.settings import Configuration
from watcher.core.errors import NotFound, SchemaMismatch, StoreUnavailable
from watcher.core.webhooks.signature import new_secret
from watcher.daemon import audited_outcome, send_test, wiring
from watcher.ports import AuditAction, TestResult
from watcher.store import SqlAudit, SqlEndpoints, open_store

app = group("List the webhook subscribers, test one, switch it off and on, or change its secret.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The endpoint's name.")]
_SECRET_BYTES = 32

COLUMNS = (
    field("endpoint", "name"),
    field("url", "url"),
    field("state", "state"),
    field("waiting", "waiting", right=True),
)


@command(app, "list", "endpoints list")
def list_all(invocation: Invocation) -> None:
    """List the endpoints, their state, and how many deliveries wait for each."""
    anyio.run(_list, invocation)


async def _list(invocation: Invocation) -> None:
    async with opened(invocation) as store:
        rows = await store.reports.endpoints(SystemClock().now())
    print_list(invocation, rows, COLUMNS, empty="No endpoint is configured.")


@command(app, "test", "endpoints test ledger")
def test(invocation: Invocation, name: NameArgument) -> None:
    """Send one signed webhook.test now, or a test message, and print the result. Needs no database.

    No event is recorded or retried. Where there is a database, its audit trail says that it was sent. Exits 1 unless
    the endpoint answered 2xx, or every service took the message.
    """
    loaded = load_configuration(invocation)
    endpoint = known_subscriber(loaded.configuration, name)
    result = anyio.run(send_test, loaded.configuration, endpoint, "command line")
    anyio.run(_note_test, loaded, result)
    report(invocation, wiring.shown_url(endpoint), result)


async def _note_test(loaded: Loaded, result: TestResult) -> None:
    noted = by_user(AuditAction.ENDPOINT_TEST, result.endpoint)
    # A test needs no database: one that is missing, or not upgraded yet, has no audit trail to write to.
    with suppress(StoreUnavailable, SchemaMismatch):
        async with open_store(database_url(loaded)) as store:
            await SqlAudit(store).record(noted, SystemClock().now(), audited_outcome(result))


@command(app, "enable", "endpoints enable ledger")
def enable(invocation: Invocation, name: NameArgument) -> None:
    """Send to it again, beginning with all that waits; this also ends a pause and the probing after failures.

    A running service notices it within a second or two.
    """
    anyio.run(partial(_switch, invocation, name, on=True))


@command(app, "disable", "endpoints disable ledger")
def disable(invocation: Invocation, name: NameArgument) -> None:
    """Send nothing to it until it is enabled again. Its events wait; the other endpoints get `endpoint.disabled`.

    A running service notices it within a second or two; attempts in progress end as they began.
    """
    anyio.run(partial(_switch, invocation, name, on=False))


async def _switch(invocation: Invocation, name: str, *, on: bool) -> None:
    now = SystemClock().now()
    async with opened(invocation, read_only=False) as store:
        noted = by_user(AuditAction.ENDPOINT_ENABLE if on else AuditAction.ENDPOINT_DISABLE, name)
        async with store.audit.refusals(noted, now):
            known = {str(row["name"]): row for row in await store.reports.endpoints()}
            if name not in known:
                raise _not_there(store.loaded.configuration, name, known)
            switch = SqlEndpoints(store.store)
            if on:
                changed = await switch.enable(name, now, audit_entry=noted)
            else:
                changed = await switch.disable(name, "operator", now, audit_entry=noted)
        row = next(row for row in await store.reports.endpoints(now) if row["name"] == name)
    if invocation.as_json:
        print_document({**row, "changed": changed})
        return
    print_answer(_switched(name, int(str(row["waiting"])), on=on, changed=changed))
    endpoint = store.loaded.configuration.subscribers.get(name)
    if on and (endpoint is None or not endpoint.enabled):
        why = "it is not in the configuration" if endpoint is None else "`enabled = false` in the configuration"
        print_note(f"nothing is sent to it all the same: {why}")


def _switched(name: str, waiting: int, *, on: bool, changed: bool) -> str:
    state = f"{name} {'is' if changed else 'was already'} {'enabled' if on else 'disabled'}"
    if not waiting:
        return f"{state}; nothing waits for it"
    verb = ("goes out" if waiting == 1 else "go out") if on else ("waits" if waiting == 1 else "wait")
    return f"{state}; {counted(waiting, 'webhook')} {verb} {'now, in order' if on else 'until it is enabled'}"


def _not_there(configuration: Configuration, name: str, known: Collection[str]) -> NotFound:
    if name in configuration.subscribers:
        return NotFound(
            f"no run has seen the endpoint {name!r} yet: start `invoice-watcher run`, or set `enabled = false`"
        )
    return unknown("endpoint", name, {*known, *configuration.subscribers}, f"in {configuration.path}")


@command(app, "rotate", "endpoints rotate ledger")
def rotate(invocation: Invocation, name: NameArgument) -> None:
    """Print a new secret, and the line for the configuration that lists it before the old one. Stores nothing.

    While both are listed both sign, so the receiver may change at any time; then remove the old one.
    """
    path = find(invocation.config, environment())
    planned = rotation(path, name)
    if planned is None:
        raise unknown("endpoint", name, endpoint_names(path), f"in {path}")
    secret = new_secret(secrets.token_bytes(_SECRET_BYTES))
    if invocation.as_json:
        print_document(
            {
                "endpoint": name,
                "secret": secret,
                "reference": {planned.new.kind: planned.new.name},
                "line": planned.line,
                "replaces": f"{planned.path}:{planned.number}",
            }
        )
        return
    print_answer(secret)
    print_answer(planned.line)
    for step in _steps(name, planned):
        print_note(step)


def _steps(name: str, planned: Rotation) -> Iterator[str]:
    place = {
        "env": f"set the environment variable {planned.new.name} of the service to",
        "file": f"make the file {planned.path.parent / planned.new.name}, readable by the service alone, with",
        "credential": f"give the service the systemd credential {planned.new.name} with",
    }[planned.new.kind]
    then = "it is read by itself" if planned.new.kind == "file" else "restart the service"
    yield "Nothing was stored. From here on, without a webhook lost:"
    yield f"1. {place} the new secret"
    yield f"2. replace {planned.path}:{planned.number} in [endpoints.{name}] by the line above; {then}"
    yield "3. give the new secret to the receiver: until then the old one signs too"
    yield "4. take the old reference out of the line again"
