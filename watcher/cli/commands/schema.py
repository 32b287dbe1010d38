"""`schema`: the JSON Schemas for editors and subscribers, the reference of all keys, and types for receivers."""

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import typer

from watcher.cli.known_providers import own_adapters
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import print_document
from watcher.cli.receiver_types.model import bodies
from watcher.cli.receiver_types.python import python
from watcher.cli.receiver_types.typescript import typescript
from watcher.config.adapters.built_in import BUILT_IN
from watcher.config.json_schemas import config_schema, watchlist_schema
from watcher.config.reference import reference
from watcher.core.invoices.event_schema import event_schema
from watcher.providers.adapter_file.provider import kind_of
from watcher.providers.toolkit.kind import ProviderKind

app = top_level()


class Subject(StrEnum):
    CONFIG = "config"
    WATCHLIST = "watchlist"
    EVENT = "event"
    REFERENCE = "reference"


class Language(StrEnum):
    TYPESCRIPT = "typescript"
    PYTHON = "python"


@command(app, "schema", "schema event > event.schema.json")
def schema(
    invocation: Invocation,
    subject: Annotated[Subject, typer.Argument(help="What the schema describes.")],
    language: Annotated[
        Language | None, typer.Option("--as", help="Print types for a receiver instead; for `event` alone.")
    ] = None,
) -> None:
    """Print the JSON Schema (2020-12) of watcher.toml, of a watch list, or of every webhook body.

    `reference` is watcher.toml as a page in Markdown: every key with its default and what it does.
    With --as: a file of types for receivers, made from the schema of the bodies. The one for Python also reads bodies.
    """
    if language is not None:
        if subject is not Subject.EVENT or invocation.as_json:
            raise typer.BadParameter("give it with `event`, and without --json", param_hint="--as")
        sys.stdout.write((typescript if language is Language.TYPESCRIPT else python)(bodies(event_schema())))
        return
    match subject:
        case Subject.CONFIG:
            print_document(config_schema(_kinds(invocation)))
        case Subject.WATCHLIST:
            print_document(watchlist_schema())
        case Subject.EVENT:
            print_document(event_schema())
        case Subject.REFERENCE:
            typer.echo(reference(_kinds(invocation)), nl=False)


def _kinds(invocation: Invocation) -> Mapping[str, ProviderKind]:
    own = {name: kind_of(adapter.spec) for name, adapter in own_adapters(invocation).items()}
    return {**BUILT_IN, **own}
