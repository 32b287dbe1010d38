"""Arguments and options that several commands take, checked by the rules of watch lists."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated

import typer

from watcher.clock import SystemClock
from watcher.config.values.durations import parse_duration
from watcher.config.watchlists.rows import check_id, check_note, read_date, read_tags


def checked_id(value: str) -> str:
    if (wrong := check_id(_text(value))) is not None:
        raise typer.BadParameter(wrong)
    return value


def checked_note(value: str | None) -> str | None:
    if value is not None and (wrong := check_note(_text(value))) is not None:
        raise typer.BadParameter(wrong)
    return value


def checked_tags(values: Sequence[str] | None) -> list[str]:
    try:
        return list(read_tags([_text(value) for value in values or ()]))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def iso_date(value: str) -> date:
    try:
        return read_date(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def moment(value: str) -> datetime:
    """A WHEN argument: an RFC 3339 instant, a date (its beginning in UTC), or how long ago, such as `2h`."""
    words = _text(value)
    try:
        if words[:1].isdigit() and words[-1:] in "smhd":
            return SystemClock().now() - parse_duration(words)
        if len(words) == len("2026-11-22"):
            return datetime.combine(date.fromisoformat(words), time(), UTC)
        at = datetime.fromisoformat(words)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{words!r} is no moment, allowed: {MOMENTS}") from error
    if at.tzinfo is None:
        raise typer.BadParameter(f"{words!r} lacks its time zone, allowed: {MOMENTS}")
    return at.astimezone(UTC)


MOMENTS = "an instant such as 2026-11-22T10:00:00Z, a date (from its beginning in UTC), or how long ago such as 2h"


def _text(value: str) -> str:
    # Bytes that are not UTF-8 arrive from the command line as lone surrogates, which no database accepts.
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise typer.BadParameter("is not UTF-8 text")
    return value


SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="A source's name in the configuration.")]
InvoiceArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The invoice's id at that provider.", callback=checked_id)
]
TagsOption = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="May be repeated.", callback=checked_tags)
]
DueOnOption = Annotated[
    date | None,
    typer.Option("--due-on", metavar="DATE", parser=iso_date, help="Its due date, if the provider gives none."),
]
NoteOption = Annotated[
    str | None, typer.Option("--note", help="For people; shown by watch list.", callback=checked_note)
]
