"""`provider`: the providers there are, and the adapter files that add to them."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

import anyio
import typer

from watcher.cli.known_providers import known_adapter
from watcher.cli.options import Invocation, command, group
from watcher.cli.output import Column, Item, counted, field, print_answer, print_document, print_list, print_note
from watcher.config.adapters.built_in import BUILT_IN
from watcher.config.adapters.examples import run_examples
from watcher.config.adapters.field_sources import field_sources
from watcher.config.adapters.files import configured_adapters
from watcher.config.adapters.json_schema import adapter_schema
from watcher.config.adapters.plugins import plugins
from watcher.config.adapters.read import Adapter
from watcher.config.adapters.shipped import shipped
from watcher.config.environment import environment
from watcher.config.load import find
from watcher.config.values import addresses
from watcher.config.values.durations import format_rate
from watcher.core.errors import ConfigError
from watcher.daemon.provider_trial import Exchange, Trial, try_adapter
from watcher.providers.adapter_file.provider import kind_of
from watcher.providers.toolkit.kind import ProviderKind

app = group("List the providers, and check and try adapter files.")

FileArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="An adapter file, or the provider of one that comes with the program or is configured."
    ),
]
_COLUMNS = (
    field("provider", "name"),
    field("by", "by"),
    field("secrets", "credentials"),
    field("base url", "base_url"),
    field("rate", "rate"),
)
_FIELD_COLUMNS = (
    field("field", "field"),
    Column(
        "from", lambda item: str(item["from"]) if item["from"] else f"(absent: {item['absent'] or 'not in the file'})"
    ),
)


@command(app, "list", "provider list")
def list_all(invocation: Invocation) -> None:
    """List the providers: those in code, and by adapter files of the program and of your configuration."""
    rows = [_row(kind, _by(name)) for name, kind in BUILT_IN.items()]
    try:
        configured = configured_adapters(find(invocation.config, environment()))
    except ConfigError as error:
        configured = ()
        if invocation.config is not None:
            raise
        if not str(error).startswith("no config file"):
            print_note(f"warning: {error}")
    rows += [_row(kind_of(adapter.spec), str(adapter.file.path)) for adapter in configured]
    print_list(invocation, rows, _COLUMNS, empty="There is no provider.")


@command(app, "show", "provider show stripe")
def show(invocation: Invocation, file: FileArgument) -> None:
    """Show where an adapter file reads each field of a snapshot from, and why the provider does not show the others."""
    adapter = known_adapter(invocation, file)
    rows: list[Item] = [
        {"field": one.field, "from": one.origin, "absent": one.absent} for one in field_sources(adapter)
    ]
    print_list(invocation, rows, _FIELD_COLUMNS, empty="It reads no field.")


def _by(name: str) -> str:
    if name in plugins():
        return "plug-in"
    return "file" if name in shipped() else "code"


def _row(kind: ProviderKind, by: str) -> Item:
    return {
        "name": kind.name,
        "by": by,
        "credentials": list(kind.credentials),
        "options": {**kind.options, **kind.texts},
        "base_url": kind.base_url,
        "rate": format_rate(kind.rate),
        "batch_size": kind.batch_size,
    }


@command(app, "check", "provider check adapters/acme.toml")
def check(invocation: Invocation, file: FileArgument) -> None:
    """Check an adapter file and run its examples; every mistake is named with its file, line and key.

    Exits 2 if the file is wrong, 1 if an example does not come out as it says.
    """
    adapter = known_adapter(invocation, file)
    results = run_examples(adapter)
    if invocation.as_json:
        examples = [{"name": one.name, "ok": not one.problems, "problems": list(one.problems)} for one in results]
        print_document({"name": adapter.spec.name, "file": str(adapter.file.path), "examples": examples})
    else:
        _print_check(adapter, [problem for one in results for problem in one.problems])
    if any(one.problems for one in results):
        raise typer.Exit(1)


def _print_check(adapter: Adapter, problems: Sequence[str]) -> None:
    for problem in problems:
        print_note(problem)
    if not adapter.examples:
        print_note(f"warning: {adapter.file.path}: has no [[example]], so nothing shows that its map is right")
    if not problems:
        print_answer(f"{adapter.file.path} is right: {counted(len(adapter.examples), 'example')} as expected")


@command(app, "try", "provider try stripe in_1QwErTy")
def try_one(
    invocation: Invocation,
    file: FileArgument,
    invoice_id: Annotated[str, typer.Argument(metavar="ID", help="The invoice to ask for.")],
    *,
    base_url: Annotated[str | None, typer.Option("--base-url", help="Instead of the one in the file.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=TEXT", help="A plain key of the source.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Send the credentials where the file says, without a question.")
    ] = False,
) -> None:
    """Ask for one invoice by an adapter file, and print the request, the answer and the snapshot. Nothing is recorded.

    The credentials come from the environment: provider acme with the secret api_key reads ACME_API_KEY. A file of your
    own sends them to its own server only after a question.
    """
    adapter = known_adapter(invocation, file)
    url = _base_url(adapter, base_url)
    credentials, options = _credentials(adapter, os.environ), _options(adapter, option or ())
    named = [] if base_url else [url]
    named += [text for key, text in adapter.spec.urls.items() if key not in options]
    if adapter.file.path not in shipped().values() and credentials and named and not yes:
        _ask_to_send(file, sorted(_variables(adapter).values()), named)
    trial = anyio.run(try_adapter, adapter.spec, url, credentials, options, invoice_id)
    if invocation.as_json:
        print_document(_document(trial))
    else:
        _print_trial(trial)
    if trial.snapshot is None:
        raise typer.Exit(1)


@command(app, "schema", "provider schema > adapter.schema.json")
def schema(invocation: Invocation) -> None:
    """Print the JSON Schema (2020-12) of adapter files, for editors."""
    del invocation
    print_document(adapter_schema())


def _base_url(adapter: Adapter, given: str | None) -> str:
    url = given or adapter.spec.base_url
    if url is None:
        raise typer.BadParameter(f"every account of {adapter.spec.name} has its own: give --base-url")
    try:
        return addresses.provider_url(url)
    except ValueError as error:
        raise typer.BadParameter(f"{url} {error}") from error


def _credentials(adapter: Adapter, variables: Mapping[str, str]) -> dict[str, str]:
    names = _variables(adapter)
    missing = [variable for variable in names.values() if not variables.get(variable, "").strip()]
    if missing:
        raise typer.BadParameter(f"not set in the environment: {', '.join(missing)}")
    return {key: variables[variable] for key, variable in names.items()}


def _variables(adapter: Adapter) -> dict[str, str]:
    return {key: f"{adapter.spec.name}_{key}".upper().replace("-", "_") for key in adapter.spec.credentials}


def _ask_to_send(file: str, variables: Sequence[str], urls: Sequence[str]) -> None:
    """A file that somebody else wrote could name any variable of the environment, and any server."""
    words = f"{file} sends {', '.join(variables)} to {' and '.join(urls)}"
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{words}: add --yes if that is right, or say where with --base-url and --option")
    typer.confirm(f"{words}. Go on?", abort=True, err=True)


def _options(adapter: Adapter, given: Sequence[str]) -> dict[str, str]:
    pairs = {key: text for key, _, text in (one.partition("=") for one in given)}
    known = {**adapter.spec.urls, **adapter.spec.options}
    for key in pairs:
        if key not in known:
            raise typer.BadParameter(f"{key!r} is no option of {adapter.spec.name}, allowed: {', '.join(known) or '-'}")
    return pairs


def _document(trial: Trial) -> Item:
    return {
        "requests": [
            {
                "method": one.method,
                "url": one.url,
                "headers": list(one.sent),
                "status": one.status,
                "answer_headers": dict(one.received),
                "answer": one.body,
            }
            for one in trial.exchanges
        ],
        "snapshot": trial.snapshot,
        "problem": trial.problem,
    }


def _print_trial(trial: Trial) -> None:
    for one in trial.exchanges:
        _print_exchange(one)
    if trial.snapshot is None:
        print_note(f"no snapshot: {trial.problem}")
        return
    print_answer("snapshot")
    print_answer(json.dumps(trial.snapshot, ensure_ascii=False, indent=2))


def _print_exchange(one: Exchange) -> None:
    print_answer(f"request   {one.method} {one.url}")
    for name in one.sent:
        print_answer(f"          {name}: ***")
    print_answer(f"answer    {'none' if one.status is None else f'HTTP {one.status}'}")
    for name, value in one.received.items():
        print_answer(f"          {name}: {value}")
    print_answer(f"{one.body}\n")
