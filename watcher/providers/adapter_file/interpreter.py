"""JMESPath's own interpreter, counting every step that it takes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

from jmespath.functions import Functions
from jmespath.visitor import Options, TreeInterpreter

from watcher.core.errors import InvalidAnswer
from watcher.providers.toolkit.field_values import word_key

MOST_STEPS = 250_000
"""Of all selections of one document: about a third of a second. A usual invoice takes fewer than 1,000."""
MOST_LIST_STEPS = 4 * MOST_STEPS
"""Of all rows of one page together: some lists have no pages."""
EQUALITY = frozenset({"eq", "ne"})
WORD = "word"
LETTERS = 1024
"""Letters of text that are read in one step."""
COSTLY = 10_000
"""Steps for comparing two lists or two objects, which may be large."""


class TooMuchWork(InvalidAnswer):
    """The document took more steps than it may."""


class Work:
    """The steps that one document may still take, shared by all its selections."""

    def __init__(self, steps: int = MOST_STEPS) -> None:
        self.left = steps
        self.found: dict[tuple[str, int], object] = {}
        """What selections gave, by their text and the id of the document that holds it."""
        self._interpreter: Interpreter | None = None

    def spend(self, steps: int) -> None:
        """Raises TooMuchWork when no step is left."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchWork("the document is too large for the selections of its adapter file")

    @property
    def interpreter(self) -> "Interpreter":
        if self._interpreter is None:
            self._interpreter = Interpreter(self)
        return self._interpreter


_FUNCTIONS = Functions()


class Interpreter(TreeInterpreter):
    """Counts every step; what jmespath does in one step over many items counts for each of them."""

    def __init__(self, work: Work) -> None:
        super().__init__(Options(custom_functions=_FUNCTIONS))
        self._work = work
        self._visitors: dict[str, Callable[[Any, Any], Any]] = {}

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- as jmespath declares it
        self._work.spend(1)
        kind = node["type"]
        visitor = self._visitors.get(kind)
        if visitor is None:
            visitor = self._visitors[kind] = getattr(self, f"visit_{kind}")
        return visitor(node, *args, **kwargs)

    def visit_flatten(self, node: Any, value: Any) -> Any:  # noqa: ANN401 -- same
        found = super().visit_flatten(node, value)
        self._work.spend(_size(found))
        return found

    def visit_slice(self, node: Any, value: Any) -> Any:  # noqa: ANN401 -- same
        self._work.spend(_size(value))
        return super().visit_slice(node, value)

    def visit_comparator(self, node: Any, value: Any) -> Any:  # noqa: ANN401 -- same
        left, right = (self.visit(child, value) for child in node["children"])
        self._work.spend(steps_to_compare(left, right))
        if node["value"] in EQUALITY or (has_order(left) and has_order(right)):
            return self.COMPARATOR_FUNC[node["value"]](left, right)
        return None

    def visit_function_expression(self, node: Any, value: Any) -> Any:  # noqa: ANN401 -- same
        arguments = [self.visit(child, value) for child in node["children"]]
        if node["value"] == WORD and len(arguments) == 1:
            return word_key(arguments[0]) if isinstance(arguments[0], str) else None
        large = node["value"] == "contains" and is_large(arguments[-1])
        self._work.spend(sum(map(_size, arguments)) + (COSTLY if large else 0))
        return _FUNCTIONS.call_function(node["value"], arguments)


def steps_to_compare(left: object, right: object) -> int:
    if isinstance(left, str):
        return len(left) // LETTERS
    return COSTLY if is_large(left) and is_large(right) else 0


def is_large(value: object) -> bool:
    return isinstance(value, list | dict)


def has_order(value: object) -> bool:
    return isinstance(value, int | Decimal | str) and not isinstance(value, bool)


def _size(value: object) -> int:
    return len(cast("list[object]", value)) if isinstance(value, list | dict | str) else 0
