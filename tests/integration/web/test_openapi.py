"""The description of the API holds together, and what is served is as it says."""

from collections.abc import Iterator
from typing import Any, cast

import jsonschema
import pytest
from jsonschema import Draft202012Validator

from tests.fakes.stored import OPEN
from tests.integration.web.client import Client
from tests.integration.web.visiting import seen
from watcher.config.values import types
from watcher.config.watchlists import rows
from watcher.core.invoices.event import EventType
from watcher.core.invoices.event_schema import event_schema
from watcher.web.api import openapi, request_models
from watcher.web.api.routes import OPERATIONS

DOCUMENT: dict[str, Any] = openapi.document(OPERATIONS)


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in cast("dict[str, object]", part).items():
            if key == "$ref":
                yield str(value)
            else:
                yield from references(value)
    elif isinstance(part, list):
        for one in cast("list[object]", part):
            yield from references(one)


def test_every_reference_leads_somewhere_and_no_schema_is_left_over() -> None:
    found = set(references(DOCUMENT))
    for reference in found:
        part: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
    named = {reference.split("/")[3] for reference in found}
    assert set(DOCUMENT["components"]["schemas"]) - named == set()


def test_every_schema_is_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_event_is_described_as_a_webhook() -> None:
    assert set(DOCUMENT["webhooks"]) == {event_type.value for event_type in EventType}


def test_an_id_a_tag_and_a_note_have_the_limits_of_watch_lists() -> None:
    assert request_models.LONGEST_ID == rows.LONGEST_ID
    assert request_models.LONGEST_NOTE == rows.LONGEST_NOTE
    assert (request_models.LONGEST_TAG, request_models.MOST_TAGS) == (types.LONGEST_NAME, types.MOST_TAGS)


PLAIN = [
    one for one in OPERATIONS if one.method == "GET" and "{" not in one.path and not one.media_type.startswith("text/")
]


@pytest.mark.parametrize("operation", PLAIN, ids=lambda one: one.name)
async def test_what_is_served_is_as_described(sqlite_client: Client, operation: Any) -> None:  # noqa: ANN401 -- any of them
    answered = await sqlite_client.ask("GET", operation.path)
    contents = DOCUMENT["paths"][operation.path]["get"]["responses"]["200"]["content"]
    content = contents[answered.headers["Content-Type"].partition(";")[0]]
    schema = content["schema"] | {"components": DOCUMENT["components"]}
    jsonschema.validate(answered.document, schema, cls=Draft202012Validator)


async def test_an_event_of_the_feed_is_as_described(sqlite_client: Client) -> None:
    await seen(sqlite_client, OPEN)
    (item,) = (await sqlite_client.get("/api/v1/events"))["items"]
    described = DOCUMENT["components"]["schemas"]["Event"]
    assert item.keys() == set(described["required"]) == described["properties"].keys()


async def test_the_schemas_are_served(sqlite_client: Client) -> None:
    assert await sqlite_client.get("/api/v1/schema/event") == event_schema()
    assert "properties" in await sqlite_client.get("/api/v1/schema/config")
    assert (await sqlite_client.ask("GET", "/api/v1/schema/watchlist")).headers["Content-Type"] == (
        "application/schema+json"
    )
    assert await sqlite_client.get("/openapi.json") == DOCUMENT
