from pydantic import ConfigDict

from watcher.described_model import DescribedModel


class Point(DescribedModel):
    """A place."""

    model_config = ConfigDict(frozen=True)

    across: int
    """To the right."""
    up: int = 0
    deep: int | None = None
    """Down,
    as far as it goes."""


class Pixel(Point):
    across: int
    """From the left edge."""
    inner: Point | None = None
    """Another one."""


def test_a_schema_has_the_docstrings_of_the_fields() -> None:
    schema = Point.model_json_schema()
    descriptions = {name: one.get("description") for name, one in schema["properties"].items()}
    assert descriptions == {"across": "To the right.", "up": None, "deep": "Down,\nas far as it goes."}
    assert schema["description"] == "A place."


def test_what_a_subclass_says_comes_before_what_it_inherits() -> None:
    schema = Pixel.model_json_schema()
    assert schema["properties"]["across"]["description"] == "From the left edge."
    assert schema["properties"]["deep"]["description"] == "Down,\nas far as it goes."
    assert schema["properties"]["inner"]["description"] == "Another one."
    assert schema["$defs"]["Point"]["properties"]["across"]["description"] == "To the right."
