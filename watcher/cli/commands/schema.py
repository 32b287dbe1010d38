"""`schema`: the JSON Schemas that editors and subscribers can check against, and the reference of all keys."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import typer

from watcher.cli.known_providers import own_adapters
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import print_document
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


@command(app, "schema", "schema event > event.schema.json")
def schema(
    invocation: Invocation, subject: Annotated[Subject, typer.Argument(help="What the schema describes.")]
) -> None:
    """Print the JSON Schema (2020-12) of watcher.toml, of a watch list, or of every webhook body.

    `reference` is watcher.toml as a page in Markdown: every key with its default and what it does.
    """
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
