"""What commands print: JSON for programs, tables for people. Standard output carries nothing else."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO, cast

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from watcher.cli.options import Invocation
from watcher.core import json_text

Item = Mapping[str, object]

_WIDE = 240
"""Columns where no terminal limits us: a pipe should see whole ids."""

_STYLES = {
    **dict.fromkeys(("paid", "delivered", "active", "ok", "up"), "green"),
    **dict.fromkeys(("open", "partially_paid", "pending", "delivering", "not_found"), "yellow"),
    **dict.fromkeys(("overdue", "dead", "failing", "uncollectible", "disabled", "refused"), "red"),
    **dict.fromkeys(("void", "deleted", "draft", "retired", "orphaned", "superseded", "cancelled", "parked"), "dim"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """`value` makes the cell's text of an item; `folds` lets long text take several lines instead of an ellipsis."""

    title: str
    value: Callable[[Item], str]
    right: bool = False
    folds: bool = True


def field(title: str, key: str) -> Column:
    return Column(title, lambda item: shown(item.get(key)))


def of_body(title: str, key: str) -> Column:
    """The column of a field that stands in the `data` of a webhook body."""
    plain = field(title, key)
    return Column(title, lambda item: plain.value(cast("Item", item["data"])))


def console(stream: TextIO | None = None) -> Console:
    """A rich console on standard output that colours only on a terminal, and never where NO_COLOR is set."""
    output = stream or sys.stdout
    return Console(file=output, width=None if output.isatty() else _WIDE, highlight=False)


def print_line(item: object) -> None:
    """One line of JSON, at once, so that a program that follows sees it."""
    sys.stdout.write(json_text.write(item).decode() + "\n")
    sys.stdout.flush()


def print_document(document: object) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def print_list(invocation: Invocation, items: Iterable[Item], columns: Sequence[Column], *, empty: str) -> None:
    """JSON Lines for programs; for people a table, or the sentence `empty` on standard error."""
    if invocation.as_json:
        for item in items:
            sys.stdout.write(json_text.write(item).decode() + "\n")
        return
    rows = list(items)
    if rows:
        console().print(table(rows, columns))
    else:
        say(empty)


def table(items: Iterable[Item], columns: Sequence[Column], title: str | None = None) -> Table:
    result = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, title=title, title_justify="left")
    for column in columns:
        overflow = "fold" if column.folds else "ellipsis"
        result.add_column(column.title, justify="right" if column.right else "left", overflow=overflow)
    for item in items:
        result.add_row(*(cell(column.value(item)) for column in columns))
    return result


def cell(text: str) -> Text:
    return Text(text, style=_STYLES.get(text.partition(" ")[0], ""))


def tell(text: str) -> None:
    """The answer, where it is a sentence."""
    console().print(text, soft_wrap=True, markup=False)


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def say(text: str) -> None:
    """A sentence for people, beside the answer: standard error, so that a pipe gets the answer alone."""
    console(sys.stderr).print(text, soft_wrap=True, markup=False)


def shown(value: object) -> str:
    """A value as a cell: nothing as a dash, lists joined, instants without the seconds' fraction."""
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
