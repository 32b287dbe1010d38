"""`listen`: a developer's receiver on this machine that verifies, shows and forwards webhooks."""

import os
import secrets
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import anyio
import typer

from watcher.cli.commands.listen.forwarding import Forwarder, check_forward_url
from watcher.cli.commands.listen.receiving import Arrival, Listener, serving
from watcher.cli.commands.listen.screen import show
from watcher.cli.open_store import known_endpoint, load_configuration
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import print_note
from watcher.clock import SystemClock
from watcher.config.environment import environment
from watcher.config.rotation import Reference, secrets_line, written_references
from watcher.config.toml.reading import Reading
from watcher.config.values.secret_references import KINDS, resolve
from watcher.core.webhooks.signature import decode_secret, new_secret

app = top_level()

DEFAULT_PORT = 8400
_NAME = "listen"
_VARIABLE = "LISTEN_WEBHOOK_SECRET"
_SECRET_BYTES = 32
_MOST_UNPRINTED = 100


@dataclass(frozen=True, slots=True)
class _Trust:
    """The secrets whose signatures are accepted, and their lines for the sender's configuration.

    `made`: for this run only.
    """

    name: str
    references: tuple[Reference, ...]
    keys: tuple[bytes, ...] = field(repr=False)
    made: str | None = field(default=None, repr=False)


def _checked_forward(url: str | None) -> str | None:
    try:
        if url is not None:
            check_forward_url(url)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return url


@command(app, "listen", "listen --endpoint ledger --forward http://127.0.0.1:8000/hooks")
def listen(
    invocation: Invocation,
    *,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="On 127.0.0.1; 0 takes a free one.")
    ] = DEFAULT_PORT,
    secret: Annotated[
        str | None,
        typer.Option("--secret", metavar="REF", help="env:NAME or file:PATH; else one is made for this run."),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", metavar="NAME", help="Accept the secrets of this endpoint.")
    ] = None,
    forward: Annotated[
        str | None,
        typer.Option(
            "--forward",
            metavar="URL",
            help="Forward what verifies, within your own network.",
            callback=_checked_forward,
        ),
    ] = None,
) -> None:
    """Receive webhooks on this machine, verify and show them, until Ctrl-C. Prints the endpoint to configure for it.

    Says why a signature is refused. With --forward, the receiver that you are writing gets the same bytes and headers,
    and its answer goes back. With --json each webhook is one line. Needs no database.
    """
    if secret is not None and endpoint is not None:
        raise typer.BadParameter("give --secret REF or --endpoint NAME, not both")
    if endpoint is not None:
        trust = _of_endpoint(invocation, endpoint)
    else:
        trust = _made() if secret is None else _of_reference(secret)
    anyio.run(_listen, trust, port, forward, invocation.as_json)


def _of_endpoint(invocation: Invocation, name: str) -> _Trust:
    configuration = load_configuration(invocation).configuration
    keys = tuple(decode_secret(one.get_secret_value()) for one in known_endpoint(configuration, name).secrets)
    return _Trust(name, written_references(configuration.path, name), keys)


def _of_reference(text: str) -> _Trust:
    kind, _, name = text.partition(":")
    if kind not in KINDS or not name:
        raise typer.BadParameter("--secret takes env:NAME, file:PATH or credential:NAME, never the secret itself")
    if kind == "file":
        name = os.path.abspath(name)  # noqa: PTH100 -- the user's own way through links is kept
    try:
        key = decode_secret(resolve({kind: name}, Reading(Path(name), environment())))
    except ValueError as error:
        raise typer.BadParameter(f"--secret: {error}") from error
    return _Trust(_NAME, (Reference(kind, name),), (key,))


def _made() -> _Trust:
    text = new_secret(secrets.token_bytes(_SECRET_BYTES))
    return _Trust(_NAME, (Reference("env", _VARIABLE),), (decode_secret(text),), text)


async def _listen(trust: _Trust, port: int, forward: str | None, as_json: bool) -> None:  # noqa: FBT001 -- anyio.run has no keywords
    sending, arrivals = anyio.create_memory_object_stream[Arrival](_MOST_UNPRINTED)
    async with AsyncExitStack() as opened:
        opened.enter_context(sending)
        opened.enter_context(arrivals)
        forwarder = await opened.enter_async_context(Forwarder(forward)) if forward is not None else None
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            listener = Listener(trust.keys, SystemClock(), sending, forwarder)
            url = await opened.enter_async_context(serving(listener, port))
            _introduce(trust, url, forward)
            async with anyio.create_task_group() as group:

                async def end_on_signal() -> None:
                    async for _ in signals:
                        group.cancel_scope.cancel()

                group.start_soon(end_on_signal)
                async for arrival in arrivals:
                    show(arrival, as_json=as_json)


def _introduce(trust: _Trust, url: str, forward: str | None) -> None:
    for line in _block(trust, url):
        print_note(line)
    print_note(f"# listening at {url}{f', forwarding to {forward}' if forward else ''}; Ctrl-C ends it")


def _block(trust: _Trust, url: str) -> Sequence[str]:
    """What to paste into watcher.toml; its comments explain the rest."""
    made = (f"# its secret, made for this run: export {_VARIABLE}={trust.made}",) if trust.made else ()
    return (
        *made,
        f"[endpoints.{trust.name}]",
        f'url = "{url}"',
        secrets_line(trust.references),
        'events = ["*"]',
        'allow_private = ["127.0.0.0/8"]',
    )
