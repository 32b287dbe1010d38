"""docs/configuration.md is what the settings say, to the byte."""

from pathlib import Path

import pytest

from watcher.cli import main
from watcher.config.adapters.built_in import BUILT_IN
from watcher.config.endpoints import ENDPOINT_KEYS, NOTIFY_KEYS
from watcher.config.json_schemas import SECTIONS
from watcher.config.reference import reference
from watcher.config.sources import OWN_KEYS

ROOT = Path(__file__).parents[3]
PAGE = reference(BUILT_IN)


def rows(table: str) -> dict[str, list[str]]:
    """The cells of a table by their key."""
    section = PAGE.partition(f"\n## {table}\n")[2].partition("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {first.strip("`"): rest for first, *rest in cells}


def test_the_page_is_made_from_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "reference"]) == 0
    written = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert capsys.readouterr().out == written, "invoice-watcher schema reference > docs/configuration.md"


def test_the_page_has_every_key_of_every_table() -> None:
    for name, model in SECTIONS.items():
        assert set(rows(f"[{name}]")) == set(model.model_fields) - ({"tokens"} if name == "http" else set()), name
    assert tuple(rows("[sources.NAME]")) == OWN_KEYS[:-1]
    assert tuple(rows("[endpoints.NAME]")) == ENDPOINT_KEYS
    assert tuple(rows("[notify.NAME]")) == NOTIFY_KEYS
    assert list(rows("Providers")) == list(BUILT_IN)


def test_the_page_shows_bounds_defaults_and_what_is_required() -> None:
    endpoints = rows("[endpoints.NAME]")
    assert endpoints["concurrency"] == ["whole number from 1 to 1000", "`10`", "Attempts at once."]
    assert endpoints["timeout"][:2] == ["duration above 0, at most 10m", '`"15s"`']
    assert endpoints["url"][1] == "required"
    assert rows("[retention]")["events"][:2] == ['duration above 0, or "forever"', '`"forever"`']
    assert rows("Providers")["chargeover"][-2:] == ['`"1/s"`', '`"America/Chicago"`']


def test_the_page_says_of_every_key_what_may_be_written_and_what_it_does() -> None:
    tables = [line for line in PAGE.splitlines() if line.startswith("## [")]
    found = {f"{table} {key}": cells for table in tables for key, cells in rows(table[3:]).items()}
    assert len(found) > 60
    assert {key: cells for key, cells in found.items() if not all(cells) or "—" in cells} == {}


def test_the_keys_of_an_adapter_file_come_to_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = (ROOT / "watcher" / "providers" / "files" / "square.toml").read_text("utf-8")
    (tmp_path / "own.toml").write_text(own.replace('name = "square"', 'name = "own"', 1), "utf-8")
    config = tmp_path / "watcher.toml"
    config.write_text('[watcher]\nadapters = ["own.toml"]\n', "utf-8")
    assert main(["schema", "reference", "--config", str(config)]) == 0
    assert '| `own` | `access_token` | `location_id = ""` |' in capsys.readouterr().out
