"""The providers' published example documents, to be varied by tests."""

from pathlib import Path
from typing import cast

from hypothesis import strategies as st

from watcher.core import json_text

_DATA = Path(__file__).parents[1] / "data"

JsonObject = dict[str, object]


def example(name: str) -> JsonObject:
    """Give a fresh copy of `tests/data/<name>_invoice.json`."""
    return cast("JsonObject", json_text.read((_DATA / f"{name}_invoice.json").read_bytes()))


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def changes_of(name: str) -> st.SearchStrategy[JsonObject]:
    """Draw any JSON for some fields of an example, and for fields that nobody knows."""
    return _changes(example(name))


def changes_of_data(name: str) -> st.SearchStrategy[JsonObject]:
    """Draw changes for the document inside an example's envelope."""
    return _changes(cast("JsonObject", example(name)["data"]))


def _changes(document: JsonObject) -> st.SearchStrategy[JsonObject]:
    return st.dictionaries(st.sampled_from(sorted(document)) | st.text(max_size=4), ANY_JSON, max_size=8)
