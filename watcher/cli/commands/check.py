"""`check`: whether the configuration is right, and whether the accounts answer."""

import functools
from collections.abc import Sequence
from typing import Annotated

import anyio
import typer

from watcher import daemon
from watcher.cli.open_store import load_configuration
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import Item, console, counted, field, print_answer, print_document, print_note, table
from watcher.config.adapters.examples import run_examples
from watcher.config.adapters.files import configured_adapters
from watcher.config.load import Loaded
from watcher.core.errors import ConfigError
from watcher.daemon import SourceAnswer

app = top_level()

COLUMNS = (field("source", "name"), field("provider", "provider"), field("fine", "ok"), field("answer", "detail"))


@command(app, "check", "check --online")
def check(
    invocation: Invocation,
    *,
    online: Annotated[
        bool,
        typer.Option("--online", help="Also ask each enabled account for a token and one cheap call; no webhook."),
    ] = False,
) -> None:
    """Check the configuration, all watch lists, all secrets and the examples of your adapter files.

    Every mistake is named with its file and line.

    Exits 2 if the configuration is wrong, 1 if an account does not answer.
    """
    loaded = load_configuration(invocation)
    _check_examples(loaded)
    answers = anyio.run(functools.partial(daemon.check, loaded, online=online))
    if invocation.as_json:
        print_document(_document(loaded, answers))
    else:
        _print_report(loaded, answers)
    if not all(answer.ok for answer in answers):
        raise typer.Exit(1)


def _check_examples(loaded: Loaded) -> None:
    """Raises ConfigError for the examples of the configured adapter files that do not come out as they say."""
    adapters = configured_adapters(loaded.configuration.path)
    wrong = [problem for adapter in adapters for one in run_examples(adapter) for problem in one.problems]
    if wrong:
        raise ConfigError(tuple(wrong))


def _document(loaded: Loaded, answers: Sequence[SourceAnswer]) -> Item:
    return {
        "path": str(loaded.configuration.path),
        "files": [str(file) for file in loaded.files],
        "sources": [_row(answer) for answer in answers],
        "endpoints": list(loaded.configuration.endpoints),
        "notify": list(loaded.configuration.notify),
        "watches": len(loaded.entries),
        "warnings": list(loaded.warnings),
    }


def _row(answer: SourceAnswer) -> Item:
    return {"name": answer.source, "provider": answer.provider, "ok": answer.ok, "detail": answer.detail}


def _print_report(loaded: Loaded, answers: Sequence[SourceAnswer]) -> None:
    for warning in loaded.warnings:
        print_note(f"warning: {warning}")
    if answers:
        console().print(table(map(_row, answers), COLUMNS))
    sizes = (
        counted(len(loaded.configuration.sources), "source"),
        counted(len(loaded.configuration.endpoints), "endpoint"),
        *([counted(len(loaded.configuration.notify), "notification")] if loaded.configuration.notify else []),
        counted(len(loaded.entries), "watched invoice"),
    )
    print_answer(f"{loaded.configuration.path} is right: {', '.join(sizes)}")
