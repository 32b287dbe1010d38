"""Options that every command takes, anywhere on the line (`--config`, `--json`), and how commands are registered."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypeVar

import typer

_EVERYWHERE = "Options of every command"

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration; else $INVOICE_WATCHER_CONFIG, config/watcher.toml, /etc/invoice-watcher/watcher.toml.",
        rich_help_panel=_EVERYWHERE,
        show_default=False,
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print JSON for programs: one line per item of a list, one document for anything else.",
        rich_help_panel=_EVERYWHERE,
    ),
]

_Function = TypeVar("_Function", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class Invocation:
    """Where the configuration is (None: the usual places), and whether a program reads the answer."""

    config: Path | None = None
    as_json: bool = False


def inherit(context: typer.Context, config: Path | None, *, as_json: bool) -> Invocation:
    """Options given here override those given earlier on the command line."""
    before = context.obj if isinstance(context.obj, Invocation) else Invocation()
    return replace(before, config=config or before.config, as_json=as_json or before.as_json)


def top_level() -> typer.Typer:
    """What holds a module's commands."""
    return typer.Typer(rich_markup_mode="rich", add_completion=False)


def group(help_text: str) -> typer.Typer:
    """A set of commands that accepts the shared options between its name and theirs."""
    app = typer.Typer(no_args_is_help=True, help=help_text, rich_markup_mode="rich", add_completion=False)

    @app.callback(help=help_text)
    def shared(context: typer.Context, config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
        context.obj = inherit(context, config, as_json=as_json)

    del shared
    return app


def command(app: typer.Typer, name: str, example: str) -> Callable[[_Function], _Function]:
    """Register a function that takes an `Invocation` first, then its own arguments and options."""

    def register(function: _Function) -> _Function:
        @functools.wraps(function, assigned=("__module__", "__name__", "__qualname__", "__doc__"))
        def invoke(
            context: typer.Context, *, config: ConfigOption = None, as_json: JsonOption = False, **own: object
        ) -> None:
            function(inherit(context, config, as_json=as_json), **own)

        shared = inspect.signature(invoke, follow_wrapped=False).parameters
        _, *mine = inspect.signature(function, eval_str=True).parameters.values()
        parameters = [
            shared["context"],
            *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in mine),
            shared["config"],
            shared["as_json"],
        ]
        annotations = {parameter.name: parameter.annotation for parameter in parameters}
        # Typer reads both to learn a command's parameters.
        vars(invoke).update(__signature__=inspect.Signature(parameters))
        invoke.__annotations__ = annotations
        app.command(name, epilog=f"Example: [bold]invoice-watcher {example}[/bold]")(invoke)
        return function

    return register
