"""`schema`: the JSON Schemas that editors and subscribers can check against."""

from enum import StrEnum
from typing import Annotated

import typer

from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import print_document
from watcher.config.json_schemas import config_schema, watchlist_schema
from watcher.core.invoices.event_schema import event_schema
from watcher.providers import PROVIDERS

app = top_level()


class Subject(StrEnum):
    CONFIG = "config"
    WATCHLIST = "watchlist"
    EVENT = "event"


@command(app, "schema", "schema event > event.schema.json")
def schema(
    invocation: Invocation, subject: Annotated[Subject, typer.Argument(help="What the schema describes.")]
) -> None:
    """Print the JSON Schema (2020-12) of watcher.toml, of a watch list, or of every webhook body."""
    del invocation
    match subject:
        case Subject.CONFIG:
            print_document(config_schema(PROVIDERS))
        case Subject.WATCHLIST:
            print_document(watchlist_schema())
        case Subject.EVENT:
            print_document(event_schema())
