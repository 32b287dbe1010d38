"""JMESPath with limits: what a selection may contain, and how much work one document may cause.

No selection makes anything larger than the document: without multi-select, `join` and `to_string` every result is a
part of it, so memory is bounded. Time is bounded by counting steps.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from jmespath.exceptions import JMESPathError
from jmespath.parser import Parser

from watcher.core.errors import InvalidAnswer
from watcher.providers.adapter_file.interpreter import Work
from watcher.providers.adapter_file.search import Search, search_of

LONGEST_SELECTION = 500
FUNCTIONS = (
    "contains",
    "ends_with",
    "length",
    "max_by",
    "min_by",
    "not_null",
    "reverse",
    "sort_by",
    "starts_with",
    "values",
    "word",
)
"""Those of JMESPath that make no new values and no floats, and `word`: text in lower case without `_`, `-` and spaces.
"""
_DEEPEST = 50
_NEW_VALUES = frozenset({"multi_select_list", "multi_select_dict"})

_Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """A compiled selection. `keys` is set where it only follows keys, which needs no interpreter."""

    text: str
    keys: tuple[str, ...] | None
    search: Search = field(compare=False, repr=False)

    def __call__(self, document: object, work: Work) -> object:
        """What is selected; None if there is nothing, or if a function meets a value of another type."""
        if self.keys is None:
            place = (self.text, id(document))
            if place not in work.found:
                work.found[place] = self._search(document, work)
            return work.found[place]
        work.spend(1)
        found = document
        for key in self.keys:
            if not isinstance(found, dict):
                return None
            found = cast("dict[str, object]", found).get(key)
        return found

    def _search(self, document: object, work: Work) -> object:
        try:
            return self.search(document, work)
        except (JMESPathError, TypeError, KeyError):
            return None
        except RecursionError as error:
            raise InvalidAnswer("not JSON we read: nested too deep") from error


def compiled(text: str) -> Selection:
    """Compile a selection. Raises ValueError, with a message for users."""
    if len(text) > LONGEST_SELECTION:
        raise ValueError(f"has {len(text)} characters, at most {LONGEST_SELECTION}")
    try:
        tree = cast("_Node", Parser().parse(text).parsed)
        for node in _nodes(tree):
            _require_allowed(node)
    except RecursionError as error:
        raise ValueError("is nested too deep") from error
    except JMESPathError as error:
        words = str(error).partition("\n")[0].rstrip(":")
        raise ValueError(f"is not JMESPath: {words}") from error
    return Selection(text, _keys(tree), search_of(tree))


def _nodes(tree: object, depth: int = 0) -> Iterator[_Node]:
    if isinstance(tree, dict):
        if depth > _DEEPEST:
            raise ValueError(f"is nested too deep, at most {_DEEPEST} inside each other")
        node = cast("_Node", tree)
        yield node
        for child in node.get("children", ()):
            yield from _nodes(child, depth + 1)


def _require_allowed(node: _Node) -> None:
    kind, value = node["type"], node.get("value")
    if kind in _NEW_VALUES:
        raise ValueError("makes a new list or object with [a, b] or {a: b}, must select a part of the document")
    if kind == "function_expression" and value not in FUNCTIONS:
        raise ValueError(f"calls {value}(), allowed: {', '.join(FUNCTIONS)}")
    if kind == "slice" and node["children"][2] == 0:
        raise ValueError("has a slice with the step 0, must be another number")
    if kind == "literal" and not isinstance(value, str | int | None):
        raise ValueError("holds a literal that is no text and no whole number, true, false or null")


def _keys(tree: _Node) -> tuple[str, ...] | None:
    if tree["type"] == "field":
        return (tree["value"],)
    if tree["type"] == "current":
        return ()
    if tree["type"] != "subexpression":
        return None
    parts = [_keys(child) for child in tree["children"]]
    return None if None in parts else tuple(key for part in parts for key in part or ())
