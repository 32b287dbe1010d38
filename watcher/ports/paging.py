"""Reads a list of any length page by page."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

PAGE = 500
"""Rows that are read and printed at once; the first ones decide how wide a table's columns are."""

After = TypeVar("After")
_Row = TypeVar("_Row")
_Item = TypeVar("_Item")


async def pages(
    read: Callable[[After | None, int], Awaitable[Sequence[_Row]]],
    place: Callable[[_Row], After],
    limit: int | None = None,
    after: After | None = None,
) -> AsyncGenerator[Sequence[_Row]]:
    """Read a list page by page: `read` gives rows after a place up to a number, `place` is the place of a row."""
    left = limit
    while True:
        wanted = PAGE if left is None else min(PAGE, left)
        page = await read(after, wanted)
        yield page
        left = None if left is None else left - len(page)
        if len(page) < wanted or left == 0:
            return
        after = place(page[-1])


async def mapped(
    found: AsyncGenerator[Sequence[_Row]], make: Callable[[_Row], _Item]
) -> AsyncGenerator[Sequence[_Item]]:
    """Pages of what is made of each row."""
    async with aclosing(found):
        async for page in found:
            yield [make(row) for row in page]


def next_cursor(after: str | None, cursor: object) -> str:
    """Where a reader of events goes on after the event with this cursor.

    One that began at the beginning (`Reports.feed_start`) says so until it has passed what is not kept any more.
    """
    began_at, dot, _ = (after or "").rpartition(".")
    return f"{began_at}.{cursor}" if dot and int(str(cursor)) < int(began_at) else str(cursor)
