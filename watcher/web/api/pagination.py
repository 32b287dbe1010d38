"""Pages of lists: `limit` and an opaque `cursor` that names the last item seen, so that writes shift nothing."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TypeVar, cast

from watcher.ports import Item
from watcher.web.problems import Problem

Place = Sequence[str | int]
_T = TypeVar("_T")


def token(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def place(cursor: str | None, *kinds: type[str] | type[int]) -> tuple[str | int, ...] | None:
    """The inverse of `token`, None for None. Raises Problem for a token of another kind of list."""
    if cursor is None:
        return None
    try:
        decoded: object = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        decoded = None
    parts = tuple(cast("list[object]", decoded)) if isinstance(decoded, list) else ()
    if tuple(map(type, parts)) != kinds:
        raise Problem(HTTPStatus.NOT_FOUND, "cursor is not one of this list: give the `next` of the page before")
    return cast("tuple[str | int, ...]", parts)


def pair(cursor: str | None) -> tuple[str, str] | None:
    found = place(cursor, str, str)
    return None if found is None else (str(found[0]), str(found[1]))


def first(found: Sequence[_T], limit: int, where: Callable[[_T], str]) -> tuple[Sequence[_T], str | None]:
    """Of a list that was read with one item more than `limit`: its first page, and the cursor of the next one.

    `where` gives the cursor of an item.
    """
    shown = found[:limit]
    return shown, where(shown[-1]) if len(found) > limit else None


def cut(items: Sequence[Item], limit: int, where: Callable[[Item], str]) -> dict[str, object]:
    """`first` as the API answers it."""
    shown, following = first(items, limit, where)
    return {"items": list(shown), "next": following}
