import base64
import hashlib
import json
import re
from pathlib import Path

import jsonschema
import pytest

from tests.integration.repository import ROOT
from tests.integration.repository.documents import DOCUMENTS, SYSTEMD, blocks
from watcher.config.load import load
from watcher.core.invoices.event_schema import event_schema
from watcher.core.webhooks.cloud_events import structured
from watcher.providers import PROVIDERS

SUBSCRIBER = ROOT / "docs" / "subscriber.md"
WATCH_LIST = re.compile(r"^# mine/(watchlists/\w+\.toml)$", re.MULTILINE)


def secret_of(name: str) -> str:
    """Another one for each: no two tokens may be the same."""
    return "whsec_" + base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


OF_OTHER_FILES = {"adapter-file.md", "provider-package.md", "first-webhook.md"}
"""Two show other files; the third is typed in by tests/acceptance/test_first_webhook.py."""


@pytest.fixture(name="folder")
def fixture_folder(tmp_path: Path) -> Path:
    """What somebody has who types in every configuration block of every document."""
    (tmp_path / "watchlists").mkdir()
    settings: list[str] = []
    # What stands in systemd's is another account's: it is run as it stands under a real systemd.
    documents = [document for document in DOCUMENTS if document != SYSTEMD and document.name not in OF_OTHER_FILES]
    for block in (block for document in documents for block in blocks(document, "toml")):
        if match := WATCH_LIST.search(block):
            (tmp_path / match[1]).write_text(block, "utf-8")
        else:
            settings.append(block)
    (tmp_path / "watcher.toml").write_text("\n".join(settings), "utf-8")
    return tmp_path


def test_the_documented_configuration_is_accepted_as_it_stands(folder: Path) -> None:
    text = (folder / "watcher.toml").read_text("utf-8")
    environment = {name: secret_of(name) for name in re.findall(r'env = "(\w+)"', text)}
    environment["FINANCE_NOTIFY_URL"] = "mailtos://watcher:secret@mail.example.com?to=finance@example.com"
    loaded = load(folder / "watcher.toml", PROVIDERS, environment)
    shown = {source.provider for source in loaded.configuration.sources.values()}
    assert shown == set(PROVIDERS), "docs/providers.md sets up each provider"
    assert [entry.invoice_id for entry in loaded.entries] == ["inv_1", "inv_2", "inv_3"]
    assert loaded.warnings == ()


def test_the_shown_rates_are_the_defaults(folder: Path) -> None:
    text = (folder / "watcher.toml").read_text("utf-8")
    shown = re.findall(r'^provider = "(\w+)".*?^rate = "(\d+)/s"', text, re.MULTILINE | re.DOTALL)
    assert {provider: float(rate) for provider, rate in shown} == {name: kind.rate for name, kind in PROVIDERS.items()}


def test_the_shown_body_is_one_that_the_schema_allows() -> None:
    body, _ = blocks(SUBSCRIBER, "json")
    jsonschema.validate(json.loads(body), event_schema(), cls=jsonschema.Draft202012Validator)


def test_the_shown_cloud_event_is_that_body_in_another_form() -> None:
    body, shown = map(json.loads, blocks(SUBSCRIBER, "json"))
    made = json.loads(structured(json.dumps(body).encode()))
    assert made | {"data": shown["data"]} == shown
    assert shown["data"].items() <= made["data"].items()
