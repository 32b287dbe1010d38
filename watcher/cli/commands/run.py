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
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="What `replicas` calls this process where several share a PostgreSQL; HOST-PID if not given.",
            metavar="NAME",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            help="Listen on this port instead of that of `[http] listen`, where several run on one machine.",
            metavar="PORT",
            min=1,
            max=65535,
        ),
    ] = None,
) -> None:
    """Poll invoices and deliver webhooks until stopped.

    SIGTERM and Ctrl-C finish what is in progress and exit 0; SIGHUP reads the configuration again at once.
    """
    surroundings = environment()
    path = find(invocation.config, surroundings)
    if once:
        raise typer.Exit(anyio.run(daemon.run_once, path, surroundings, name))
    raise typer.Exit(anyio.run(daemon.run, path, surroundings, name, port))
