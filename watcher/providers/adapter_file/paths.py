"""Paths of keys in a document, which need no selection."""

from collections.abc import Iterable, Mapping
from typing import cast

from watcher.core.errors import InvalidAnswer
from watcher.core.json_text import Document

Path = tuple[str, ...]
PathTree = Mapping[str, "PathTree"]
"""Paths by their keys, so that all of them cost one pass over a document. One that ends has no keys below it."""


def path_tree(paths: Iterable[Path]) -> PathTree:
    """A path that leads into what another one names has no effect. The whole, the empty path, is none."""
    tree: dict[str, PathTree] = {}
    for path in sorted(paths, key=len):
        _add(tree, path)
    return tree


def _add(tree: dict[str, PathTree], path: Path) -> None:
    for place, key in enumerate(path, 1):
        is_last = place == len(path)
        if key in tree and (is_last or not tree[key]):
            return
        tree = cast("dict[str, dict[str, PathTree]]", tree).setdefault(key, {})


def at(value: object, path: Path) -> object:
    """What stands at a path of keys; None if there is nothing."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, object]", value).get(key)
    return value


def object_at(value: object, path: Path) -> Document:
    """The object at a path of keys. Raises InvalidAnswer for anything else."""
    found = at(value, path)
    if not isinstance(found, dict):
        raise InvalidAnswer(f"{'.'.join(path) or 'the answer'}: an object is expected")
    return cast("Document", found)
