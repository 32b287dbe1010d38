"""What commands print: JSON for programs, tables for people. Nothing else goes to standard output."""

import json
import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import zip_longest
from typing import TextIO, cast

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from watcher.cli.options import Invocation
from watcher.core import json_text

Item = Mapping[str, object]

_WIDE = 240
"""The width if there is no terminal: a pipe gets whole ids."""

_STYLES = {
    **dict.fromkeys(("paid", "delivered", "active", "ok", "up"), "green"),
    **dict.fromkeys(("open", "partially_paid", "pending", "delivering", "not_found"), "yellow"),
    **dict.fromkeys(("overdue", "dead", "failing", "uncollectible", "disabled", "refused"), "red"),
    **dict.fromkeys(("void", "deleted", "draft", "retired", "orphaned", "superseded", "cancelled", "parked"), "dim"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """`value` gives the text of an item's cell; `folds` lets long text take several lines instead of an ellipsis."""

    title: str
    value: Callable[[Item], str]
    right: bool = False
    folds: bool = True


def field(title: str, key: str, *, right: bool = False) -> Column:
    return Column(title, lambda item: shown(item.get(key)), right=right)


def of_body(title: str, key: str) -> Column:
    """The column of a field in the `data` of a webhook body."""
    plain = field(title, key)
    return Column(title, lambda item: plain.value(cast("Item", item["data"])))


def console(stream: TextIO | None = None) -> Console:
    """A rich console on standard output that uses colours only on a terminal, and never with NO_COLOR."""
    output = stream or sys.stdout
    return Console(file=output, width=None if output.isatty() else _WIDE, highlight=False)


def print_line(item: object) -> None:
    """One line of JSON, flushed at once, so that a program that follows sees it."""
    sys.stdout.write(json_text.write(item).decode() + "\n")
    sys.stdout.flush()


def print_document(document: object) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


async def print_pages(
    invocation: Invocation, found: AsyncGenerator[Sequence[Item]], columns: Sequence[Column], *, empty: str
) -> None:
    """Print each page as soon as it is read, in the form of `print_list`."""
    printer = ListPrinter(invocation, columns)
    async with aclosing(found):
        async for page in found:
            printer.print(page)
    printer.end(empty)


def print_list(invocation: Invocation, items: Iterable[Item], columns: Sequence[Column], *, empty: str) -> None:
    """JSON Lines for programs; for people a table, or the sentence `empty` on standard error."""
    printer = ListPrinter(invocation, columns)
    printer.print(list(items))
    printer.end(empty)


class ListPrinter:
    """Prints one list in pieces: JSON Lines, a table on a terminal, or plain aligned text into a pipe."""

    def __init__(self, invocation: Invocation, columns: Sequence[Column]) -> None:
        self._as_json = invocation.as_json
        self._columns = columns
        self._widths: list[int] | None = None

    def print(self, items: Sequence[Item]) -> None:
        if self._as_json:
            sys.stdout.write("".join(json_text.write(item).decode() + "\n" for item in items))
        elif items:
            rows = [[column.value(item) for column in self._columns] for item in items]
            is_first, widths = self._widths is None, self._widths or self._measured(rows)
            if sys.stdout.isatty():
                console().print(_table(rows, self._columns, None if is_first else widths))
            else:
                sys.stdout.write(
                    "".join(f"{line}\n" for line in _plain(rows, self._columns, widths, with_head=is_first))
                )
            self._widths = widths
        sys.stdout.flush()

    def end(self, empty: str) -> None:
        """Print `empty` to standard error if nothing was printed for people."""
        if self._widths is None and not self._as_json:
            print_note(empty)

    def _measured(self, rows: Sequence[Sequence[str]]) -> list[int]:
        return [
            max(cell_len(line) for text in (column.title, *(row[number] for row in rows)) for line in text.split("\n"))
            for number, column in enumerate(self._columns)
        ]


def _plain(
    rows: Sequence[Sequence[str]], columns: Sequence[Column], widths: Sequence[int], *, with_head: bool
) -> Iterator[str]:
    """Lines of a table without folding: a longer cell moves the rest of its line."""
    if with_head:
        yield _line([column.title for column in columns], columns, widths)
        yield "───".join("─" * width for width in widths)
    for row in rows:
        for cells in zip_longest(*(text.split("\n") for text in row), fillvalue=""):
            yield _line(cells, columns, widths)


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    padded = (
        " " * (width - cell_len(text)) + text if column.right else text + " " * (width - cell_len(text))
        for text, column, width in zip(cells, columns, widths, strict=True)
    )
    return "   ".join(padded).rstrip()


def table(items: Iterable[Item], columns: Sequence[Column], title: str | None = None) -> Table:
    return _table([[column.value(item) for column in columns] for item in items], columns, None, title)


def _table(
    rows: Iterable[Sequence[str]], columns: Sequence[Column], widths: Sequence[int] | None, title: str | None = None
) -> Table:
    """With `widths`, the next part of a table: with these widths, and without a header."""
    result = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, title=title, title_justify="left")
    result.show_header = widths is None
    for number, column in enumerate(columns):
        width = widths[number] if widths else None
        result.add_column(
            column.title,
            justify="right" if column.right else "left",
            overflow="fold" if column.folds else "ellipsis",
            min_width=width,
            max_width=width,
        )
    for row in rows:
        result.add_row(*map(cell, row))
    return result


def cell(text: str) -> Text:
    return Text(text, style=_STYLES.get(text.partition(" ")[0], ""))


def print_answer(text: str) -> None:
    """Print an answer that is a sentence."""
    console().print(text, soft_wrap=True, markup=False)


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def print_note(text: str) -> None:
    """Print a sentence for people to standard error, so that a pipe gets only the answer."""
    console(sys.stderr).print(text, soft_wrap=True, markup=False)


def shown(value: object) -> str:
    """A value as a cell: a dash for nothing, lists joined, instants without fractions of a second."""
    match value:
        case None | "" | [] | ():
            return "-"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(shown(member) for member in cast("Sequence[object]", value))
        case _:
            return _instant(str(value))


def _instant(text: str) -> str:
    # 2026-11-22T10:00:00.123456Z reads best as 2026-11-22 10:00:00Z.
    if len(text) >= len("2026-11-22T10:00:00Z") and text[10:11] == "T" and text.endswith("Z") and text[:4].isdigit():
        return f"{text[:10]} {text[11:19]}Z"
    return text


def amounts(key: str) -> Callable[[Item], str]:
    """The cell of one money field of a snapshot: a line per currency."""

    def value(item: Item) -> str:
        rows = cast("Sequence[Mapping[str, str]]", item.get("amounts") or ())
        return "\n".join(f"{row[key]} {row['currency']}{' (minor)' if 'unit' in row else ''}" for row in rows) or "-"

    return value
