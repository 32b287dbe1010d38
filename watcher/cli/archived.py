"""Reads an archived month of events."""

import gzip
import zlib
from collections.abc import AsyncGenerator, Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import cast

from watcher.cli.output import Item
from watcher.core import json_text
from watcher.core.errors import InvalidAnswer, Refused
from watcher.ports.paging import PAGE


async def archived_events(
    file: Path, wanted: Callable[[Item], bool], limit: int | None
) -> AsyncGenerator[Sequence[Item]]:
    """Pages of the events of one file, in its order, as `events --json` has them. Raises Refused for another file."""
    try:
        with gzip.open(file) as lines:
            found = (item for item in map(_item, lines) if wanted(item))
            left = islice(found, limit)
            while page := list(islice(left, PAGE)):
                yield page
    except (gzip.BadGzipFile, zlib.error, EOFError, InvalidAnswer) as error:
        raise Refused(f"{file} is no whole archive of events: {error}") from error


def _item(line: bytes) -> Item:
    item = json_text.read(line)
    if not isinstance(item, dict) or not {"type", "timestamp", "data", "cursor"} <= item.keys():
        raise InvalidAnswer("a line is no event")
    return cast("Item", item)
