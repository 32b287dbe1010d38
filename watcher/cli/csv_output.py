"""Prints a list as CSV."""

import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated

import typer

from watcher.cli.options import Invocation
from watcher.cli.output import Column, Item, print_pages
from watcher.core.exports.csv_tables import CsvTable

CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV, for a spreadsheet.")]


async def print_found(
    invocation: Invocation,
    found: AsyncGenerator[Sequence[Item]],
    columns: Sequence[Column],
    table: CsvTable,
    *,
    as_csv: bool,
    empty: str,
) -> None:
    """`print_pages`, or each page as lines of CSV as soon as it is read."""
    if not as_csv:
        await print_pages(invocation, found, columns, empty=empty)
        return
    check_form(invocation, as_csv=as_csv)
    _write(table.header())
    async with aclosing(found):
        async for page in found:
            _write(table.text(page))


def check_form(invocation: Invocation, *, as_csv: bool) -> None:
    """Raises BadParameter for two forms at once."""
    if as_csv and invocation.as_json:
        raise typer.BadParameter("give one of --csv and --json")


def _write(text: str) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()
