"""The config folder that is shipped: it runs as it is, names every key, and states the true defaults."""

import re
import shutil
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

import pytest

from tests.fakes.provider_kinds import PROVIDER_KINDS
from tests.integration.config.folder import WHSEC, Folder
from watcher.config.endpoint_settings import EndpointSettings
from watcher.config.endpoints import ENDPOINT_KEYS, NOTIFY_KEYS
from watcher.config.hint_settings import SourceHintSettings
from watcher.config.http_settings import HttpSettings, TokenSettings
from watcher.config.json_schemas import CREDENTIAL, SECTIONS, table_schema
from watcher.config.load import TABLES, load
from watcher.config.notify_settings import NotifySettings
from watcher.config.settings import SourceSettings
from watcher.config.settings_base import Settings
from watcher.config.sources import OWN_KEYS
from watcher.config.toml.reading import Table

EXAMPLE = Path(__file__).parents[3] / "config"
_SWITCHED_OFF = re.compile(r"^#(?=[\[a-z])", re.MULTILINE)
_ENVIRONMENT = {
    "METEROID_API_KEY": "k",
    "LEDGER_WEBHOOK_SECRET": WHSEC,
    "INVOICE_WATCHER_TOKEN": "t",
    "FINANCE_TOKEN": "u",
    "ACME_HINT_SECRET": WHSEC,
    "ACME_HINT_TOKEN": "t",
    "FINANCE_NOTIFY_URL": "mailtos://watcher:secret@mail.example.com?to=finance@example.com",
}


@pytest.fixture
def shipped(folder: Folder) -> Folder:
    shutil.copytree(EXAMPLE, folder.path, dirs_exist_ok=True)
    folder.environment = dict(_ENVIRONMENT)
    return folder


def _switch_all_on(shipped: Folder) -> None:
    for name in ("watcher.toml", "watchlists/example.toml"):
        shipped.write(_SWITCHED_OFF.sub("", (EXAMPLE / name).read_text()), name)


def _written(shipped: Folder) -> dict[str, dict[str, object]]:
    return tomllib.loads(shipped.config.read_text())


def test_the_example_is_accepted_as_it_is_shipped(shipped: Folder) -> None:
    loaded = shipped.load()
    assert loaded.configuration.sources == {}
    assert loaded.entries == ()


def test_the_example_with_everything_switched_on_is_accepted(shipped: Folder) -> None:
    _switch_all_on(shipped)
    loaded = shipped.load()
    assert [entry.invoice_id for entry in loaded.entries] == ["inv_1", "inv_2", "1003", "inv_3"]
    assert loaded.entries[3].tags == ("vip", "legal")
    assert loaded.warnings == ()


def test_the_example_names_every_key(shipped: Folder) -> None:
    _switch_all_on(shipped)
    written, configuration = _written(shipped), shipped.load().configuration
    assert list(written) == list(TABLES)
    for table in TABLES[:7]:
        settings: Settings = getattr(configuration, table)
        assert set(written[table]) == set(type(settings).model_fields), table
    assert set(cast("Table", written["sources"]["acme"])) == {*OWN_KEYS, "api_key"}
    assert set(cast("Table", written["endpoints"]["ledger"])) == set(ENDPOINT_KEYS)
    assert set(cast("Table", written["notify"]["finance"])) == set(NOTIFY_KEYS)


def test_the_example_shows_the_true_defaults(shipped: Folder) -> None:
    written = load(shipped.config, PROVIDER_KINDS, _ENVIRONMENT).configuration
    default = shipped.load("").configuration
    for table in TABLES[:7]:
        assert getattr(written, table) == getattr(default, table), table
    _switch_all_on(shipped)
    full = shipped.load().configuration
    shipped.write(
        "[sources.acme]\nprovider = 'meteroid'\napi_key = { env = 'METEROID_API_KEY' }\n"
        "hints = { secret = { env = 'ACME_HINT_SECRET' }, token = { env = 'ACME_HINT_TOKEN' } }\n"
        "[endpoints.ledger]\nurl = 'https://example.com/hooks/invoices'\n"
        "secrets = [{ env = 'LEDGER_WEBHOOK_SECRET' }]\n"
        "[notify.finance]\nurls = [{ env = 'FINANCE_NOTIFY_URL' }]\n"
    )
    least = shipped.load().configuration
    assert _plain(full.sources) == _plain(least.sources)
    assert _plain(full.endpoints) == _plain(least.endpoints)
    assert _plain(full.notify) == _plain(least.notify)


def _plain(settings: Mapping[str, Settings]) -> dict[str, object]:
    return {name: one.model_dump() for name, one in settings.items()}


def test_each_comment_of_the_example_is_the_first_paragraph_of_what_the_settings_say() -> None:
    """There is one text about a key: that of its field, which the reference and the schema show too."""
    commented = _comments((EXAMPLE / "watcher.toml").read_text())
    described = _descriptions()
    assert len(described) > 60
    assert {key: _same(text) for key, text in commented.items()} == {
        key: _same(text) for key, text in described.items()
    }


def _comments(text: str) -> dict[str, str]:
    table, comments = "", dict[str, str]()
    for line in _SWITCHED_OFF.sub("", text).splitlines():
        if found := re.match(r"\[(.+)\]", line):
            table = found[1]
        elif found := re.match(r"([a-z_]+) = .*\s#\s(.+)", line):
            comments[f"{table}.{found[1]}"] = found[2]
    return comments


def _same(text: str) -> str:
    """A comment begins with a small letter, and has no full stop."""
    return text[:1].lower() + text[1:].removesuffix(".")


def _descriptions() -> dict[str, str]:
    """The first paragraph about each key."""
    tables: dict[str, tuple[type[Settings], Iterable[str]]] = {
        **{name: (model, model.model_fields) for name, model in SECTIONS.items()},
        "http": (HttpSettings, [key for key in HttpSettings.model_fields if key != "tokens"]),
        "http.tokens.finance": (TokenSettings, TokenSettings.model_fields),
        "sources.acme": (SourceSettings, [key for key in OWN_KEYS if key != "hints"]),
        "sources.acme.hints": (SourceHintSettings, SourceHintSettings.model_fields),
        "endpoints.ledger": (EndpointSettings, ENDPOINT_KEYS),
        "notify.finance": (NotifySettings, NOTIFY_KEYS),
    }
    described = {"sources.acme.api_key": CREDENTIAL}
    for table, (model, keys) in tables.items():
        properties = cast("Mapping[str, Mapping[str, str]]", table_schema(model, {})["properties"])
        described |= {f"{table}.{key}": properties[key]["description"].partition("\n\n")[0] for key in keys}
    return {key: " ".join(text.split()) for key, text in described.items()}
