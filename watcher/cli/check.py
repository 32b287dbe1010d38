"""`check`: is the configuration right, and do the accounts answer."""

import functools
from typing import Annotated

import anyio
import typer

from watcher import daemon
from watcher.cli.opening import load_configuration
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import console, counted, field, print_document, say, table, tell

app = top_level()


@command(app, "check", "check --online")
def check(
    invocation: Invocation,
    *,
    online: Annotated[
        bool,
        typer.Option("--online", help="Also ask each enabled account for a token and one cheap call; no webhook."),
    ] = False,
) -> None:
    """Check the configuration, all watch lists and all secrets; every mistake is named with its file and line.

    Exits 2 where the configuration is wrong, 1 where an account does not answer.
    """
    loaded = load_configuration(invocation)
    answers = anyio.run(functools.partial(daemon.check, loaded, online=online))
    sources = [
        {"name": answer.source, "provider": answer.provider, "ok": answer.ok, "detail": answer.detail}
        for answer in answers
    ]
    configuration = loaded.configuration
    if invocation.as_json:
        print_document(
            {
                "path": str(configuration.path),
                "files": [str(file) for file in loaded.files],
                "sources": sources,
                "endpoints": list(configuration.endpoints),
                "watches": len(loaded.entries),
                "warnings": list(loaded.warnings),
            }
        )
    else:
        for warning in loaded.warnings:
            say(f"warning: {warning}")
        if sources:
            columns = (field("source", "name"), field("provider", "provider"), field("answer", "detail"))
            console().print(table(sources, columns))
        sizes = (
            counted(len(configuration.sources), "source"),
            counted(len(configuration.endpoints), "endpoint"),
            counted(len(loaded.entries), "watched invoice"),
        )
        tell(f"{configuration.path} is right: {', '.join(sizes)}")
    if not all(answer.ok for answer in answers):
        raise typer.Exit(1)
