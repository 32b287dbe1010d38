"""`run`: the service itself."""

from typing import Annotated

import anyio
import typer

from watcher import daemon
from watcher.cli.options import Invocation, command, top_level
from watcher.config.environment import environment
from watcher.config.load import find

app = top_level()


@command(app, "run", "run --config config/watcher.toml")
def run(
    invocation: Invocation,
    *,
    once: Annotated[
        bool,
        typer.Option(
            "--once",
            help="Apply the watch lists, poll all that is due, try each due delivery once, and end; exits 1 if "
            "anything failed. For cron.",
        ),
    ] = False,
) -> None:
    """Poll invoices and deliver webhooks until stopped.

    SIGTERM and Ctrl-C finish what is in progress and exit 0; SIGHUP reads the configuration again at once.
    """
    surroundings = environment()
    path = find(invocation.config, surroundings)
    serve = daemon.run_once if once else daemon.run
    raise typer.Exit(anyio.run(serve, path, surroundings))
