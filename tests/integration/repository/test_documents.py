import json
import re
from pathlib import Path
from typing import Any, cast

import pytest

from tests.integration.repository import ROOT
from tests.integration.repository.documents import DOCUMENTS, anchors, blocks, commands, links
from watcher.core.invoices.event import CONFIGURATION, EventType
from watcher.core.invoices.event_schema import event_schema
from watcher.core.invoices.invoice import Status

SUBSCRIBER = ROOT / "docs" / "subscriber.md"

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@each_document
def test_links_inside_the_repository_lead_somewhere(document: Path) -> None:
    for link in links(document):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each_document
def test_the_make_targets_that_are_named_exist(document: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = {command.split()[1] for command in commands(document, "make")}
    assert named <= set(targets)


def test_the_page_of_events_lists_every_event_that_is_sent() -> None:
    catalogue = (ROOT / "docs" / "events.md").read_text("utf-8")
    types = re.findall(r"^\| (.+?) \|", catalogue, re.MULTILINE)
    named = re.findall(r"`([a-z]+\.[a-z_]+)`", " ".join(types))
    assert named == [event_type.value for event_type in EventType]


def test_the_subscriber_page_lists_every_status() -> None:
    page = SUBSCRIBER.read_text("utf-8")
    assert [status for status in Status if f"`{status.value}`" not in page] == []


def test_the_subscriber_page_lists_every_reason_of_an_event_about_an_invoice() -> None:
    (row,) = re.findall(r"^\| `reason` \| (.+) \|$", SUBSCRIBER.read_text("utf-8"), re.MULTILINE)
    named = set(re.findall(r"`([a-z_.]+)`", row))
    schema = cast("Any", event_schema())["$defs"]["invoice.overdue_cleared"]
    cleared: list[str] = schema["properties"]["data"]["properties"]["reason"]["enum"]
    assert named == {"invoice.overdue_cleared", "invoice.updated", *cleared, CONFIGURATION}


def test_the_figures_of_the_readme_are_those_of_the_pages() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    peers = (ROOT / "docs" / "performance.md").read_text("utf-8").partition("## Beside other programs")[2]
    (polls,) = re.findall(r"^\| polls: urlwatch [\d.]+ \| ([\d,]+) \| ([\d,]+) \|", peers, re.MULTILINE)
    assert re.findall(r"([\d,]+) polls a second where this made ([\d,]+)", readme) == [polls]
    runs = (ROOT / "docs" / "reliability.md").read_text("utf-8").partition("### Runs")[2]
    rows = re.findall(r"^\| [^|]+ \| `--seed[^|]+` \| ([\d,]+) \| [\d,]+ \| (\d+) \|", runs, re.MULTILINE)
    assert {lost for _, lost in rows} == {"0"}
    assert f"[{sum(int(kills.replace(',', '')) for kills, _ in rows):,} kills]" in readme


def test_json_blocks_are_json() -> None:
    shown = [block for document in DOCUMENTS for block in blocks(document, "json")]
    assert shown
    assert all(json.loads(block) for block in shown)
