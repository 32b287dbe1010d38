"""A webhook as a CloudEvent: structured mode of CloudEvents 1.0, JSON format."""

from collections.abc import Mapping
from typing import cast

from watcher.core import json_text

CONTENT_TYPE = "application/cloudevents+json"


def structured(body: bytes) -> bytes:
    """The same bytes for the same body, always: they are signed, and a repeat must be equal to the first one.

    `source` is the account, `/acme`; of an event about an endpoint it is that, `/endpoints/ledger`.
    """
    document = cast("Mapping[str, object]", json_text.read(body))
    data = cast("Mapping[str, object]", document["data"])
    source = f"/{data['source']}" if "source" in data else f"/endpoints/{data['endpoint']}"
    subject = {"subject": data["invoice_id"]} if "invoice_id" in data else {}
    return json_text.write(
        {
            "specversion": "1.0",
            "id": data["event_id"],
            "source": source,
            "type": document["type"],
            **subject,
            "time": document["timestamp"],
            "datacontenttype": "application/json",
            "data": data,
        }
    )
