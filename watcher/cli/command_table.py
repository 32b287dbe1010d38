"""The table of all commands. The module of a command is loaded only when it is used.

So help, completion and `--version` answer at once: they need no database, no HTTP and no provider.
"""

import gc
import importlib
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

import watcher
from watcher.cli.options import ConfigOption, JsonOption, inherit

_START = "Start here"
_SERVICE = "The service"
_SHOW = "Show"
_CHANGE = "Change"
_TRY = "Write a receiver"
_MORE = "More"


@dataclass(frozen=True, slots=True)
class Entry:
    """One command. The `app` of `module`, in watcher.cli.commands, is the group itself or holds the command."""

    name: str
    module: str
    panel: str
    help: str
    is_group: bool = False


ENTRIES = (
    Entry("demo", "demo", _START, "See all of it work on this machine, in a minute: no account, no configuration."),
    Entry("init", "init", _START, "Write a configuration to start with."),
    Entry("check", "check", _START, "Check the configuration, and with --online every account."),
    Entry("run", "run", _SERVICE, "Poll invoices and deliver webhooks until stopped."),
    Entry("get", "invoices", _SHOW, "Ask the provider for an invoice now; nothing is recorded."),
    Entry("show", "invoices", _SHOW, "Show all that is recorded about an invoice."),
    Entry("invoices", "invoices", _SHOW, "List the last known state of every invoice."),
    Entry("aging", "aging", _SHOW, "Show what is due and for how long, by source, customer or tag."),
    Entry("forecast", "receivables", _SHOW, "Show what is due in which week, for each currency."),
    Entry("dso", "receivables", _SHOW, "Show days sales outstanding by month: how soon invoices are paid."),
    Entry("events", "events", _SHOW, "List what happened, or follow it as it happens."),
    Entry("deliveries", "deliveries", _SHOW, "List deliveries: each is one event for one endpoint."),
    Entry("audit", "audit", _SHOW, "List what was changed by hand, by whom, and what was refused."),
    Entry("sources", "sources", _SHOW, "List the accounts and their state."),
    Entry("replicas", "replicas", _SHOW, "List the processes that share a PostgreSQL database."),
    Entry("plan", "plan", _SHOW, "Forecast how late changes will be detected, and what detecting them sooner costs."),
    Entry("explain", "plan", _SHOW, "Explain when an invoice is polled, and why."),
    Entry("watch", "watch", _CHANGE, "Add, edit, remove, list, import, discover or poll watches.", is_group=True),
    Entry("redeliver", "deliveries", _CHANGE, "Send events again: same id, same bytes."),
    Entry("endpoints", "endpoints", _CHANGE, "List, test, switch or re-key the webhook subscribers.", is_group=True),
    Entry("listen", "listen", _TRY, "Receive, verify, show and forward webhooks on this machine."),
    Entry("trigger", "trigger", _TRY, "Send one example of an event to a receiver in your own network."),
    Entry("provider", "provider", _MORE, "List the providers; check and try adapter files.", is_group=True),
    Entry(
        "schema",
        "schema",
        _MORE,
        "Print the JSON Schema of the configuration, watch lists or events, or the reference of all keys.",
    ),
    Entry("bench", "bench", _MORE, "Measure polls and deliveries on this machine and your database."),
    Entry("db", "database", _MORE, "Upgrade, check or back up the database.", is_group=True),
)
_BY_NAME = {entry.name: entry for entry in ENTRIES}


class LazyGroup(TyperGroup):
    """Lists commands from the table, and loads the one that is invoked (or completed)."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 -- Typer has no public names for these
        name, outline, rest = super().resolve_command(ctx, args)
        return name, load(_BY_NAME[name]) if name else outline, rest


def load(entry: Entry) -> Any:  # noqa: ANN401 -- Typer has no public name for a command
    from watcher import logs  # noqa: PLC0415 -- help and `--version` log nothing, and it is half of their CPU

    logs.configure("warning", "console", final=False)
    # Modules are made to stay: collecting garbage while they load finds none, and takes a seventh of the time.
    gc.disable()
    try:
        module = importlib.import_module(f"watcher.cli.commands.{entry.module}")
    finally:
        gc.freeze()
        gc.enable()
    holder = get_group(module.app)
    return holder if entry.is_group else holder.commands[entry.name]


def build() -> typer.Typer:
    app = typer.Typer(
        cls=LazyGroup,
        name="invoice-watcher",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        help="Watches invoices at billing providers and sends your endpoints what changed, by signed webhook.",
        epilog="New here? [bold]invoice-watcher demo[/bold] shows all of it, then [bold]invoice-watcher init[/bold].",
    )
    app.callback()(root)
    for entry in ENTRIES:
        app.command(entry.name, help=entry.help, rich_help_panel=entry.panel)(_outline)
    return app


def _print_version(wanted: bool) -> None:  # noqa: FBT001 -- Typer calls it so
    if wanted:
        typer.echo(f"invoice-watcher {watcher.__version__}")
        raise typer.Exit


def root(
    context: typer.Context,
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    del version
    context.obj = inherit(context, config, as_json=as_json)


def _outline() -> None:
    """Stands in for a command in listings."""
