"""`provider list`, `show`, `check` and `schema`, and `init --provider`, as a user types them."""

import json
import tomllib
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from tests.fakes.adapter_files import FOLDER
from tests.integration.cli.field_table import field_table
from tests.integration.cli.terminal import Terminal
from tests.integration.repository import ROOT
from tests.integration.repository.documents import blocks
from watcher.config.adapters.built_in import shipped_adapter
from watcher.config.adapters.field_sources import field_sources
from watcher.config.adapters.shipped import shipped

GUIDE = ROOT / "docs" / "adapter-file.md"
SHIPPED_GUIDE = ROOT / "docs" / "shipped-providers.md"
TALLY = (FOLDER / "tally.toml").read_text()


@pytest.fixture
def configured(terminal: Terminal, tally: Path) -> Path:
    """The file, which the configuration names."""
    config = terminal.folder / "config" / "watcher.toml"
    config.write_text(config.read_text().replace("[watcher]\n", '[watcher]\nadapters = ["../tally.toml"]\n'))
    return tally


@pytest.mark.usefixtures("configured")
def test_list_names_the_built_in_the_shipped_and_the_configured(terminal: Terminal) -> None:
    ran = terminal.type("provider list --json")
    rows = {row["name"]: row for row in ran.lines}
    assert [name for name, row in rows.items() if row["by"] == "code"] == [
        "fragment",
        "meteroid",
        "dollr",
        "rapyd",
        "chargeover",
    ]
    assert {name for name, row in rows.items() if row["by"] == "file"} == set(shipped())
    assert rows["tally"]["by"] == "config/../tally.toml"
    assert rows["square"]["options"] == {"location_id": ""}
    assert rows["chargebee"]["batch_size"] == 50


def test_check_runs_the_examples_and_says_what_differs(terminal: Terminal, tally: Path) -> None:
    ran = terminal.run("provider", "check", tally)
    assert (ran.code, ran.out.strip()) == (0, f"{tally} is right: 4 examples as expected")
    tally.write_text(TALLY.replace('status = "partially_paid"', 'status = "paid"'))
    ran = terminal.run("provider", "check", tally)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"{tally}:")
    assert ran.err.strip().endswith("example[0].expect.status: is 'paid', but the map gives 'partially_paid'")
    assert terminal.run("provider", "check", tally, "--json").document["examples"] != []


def test_check_names_every_mistake(terminal: Terminal, tally: Path) -> None:
    tally.write_text(TALLY.replace('unit = "minor"', 'unit = "cents"').replace('by = "after_id"', 'by = "page"'))
    ran = terminal.run("provider", "check", tally)
    assert ran.code == 2
    assert ran.err.count(f"{tally}:") == 2


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_shipped_file_is_right(terminal: Terminal, name: str) -> None:
    ran = terminal.run("provider", "check", name, "--json")
    examples = ran.document["examples"]
    assert ran.code == 0, ran.out
    assert isinstance(examples, list)
    assert len(cast("list[object]", examples)) >= 4


def test_a_name_that_is_no_file_is_refused_with_the_nearest_one(terminal: Terminal) -> None:
    ran = terminal.type("provider check strip")
    assert ran.code != 0
    assert "did you mean 'stripe'?" in ran.err


def test_the_schema_accepts_every_adapter_file_and_refuses_a_mistake(terminal: Terminal) -> None:
    schema = terminal.type("provider schema").document
    validator = cast("Any", Draft202012Validator)(schema)
    Draft202012Validator.check_schema(schema)
    for path in (*shipped().values(), *FOLDER.glob("*.toml")):
        validator.validate(tomllib.loads(path.read_text()))
    wrong = tomllib.loads(TALLY.replace("then = {", "than = {"))
    assert not validator.is_valid(wrong)


def test_the_schema_of_a_configuration_knows_its_adapter_files(terminal: Terminal, configured: Path) -> None:
    validator = cast("Any", Draft202012Validator)(terminal.type("schema config").document)
    source = '[sources.north]\nprovider = "tally"\napi_key = { env = "KEY" }\nteam = "north"\n'
    assert validator.is_valid(tomllib.loads(source))
    assert not validator.is_valid(tomllib.loads(source.replace("team", "tame")))
    configured.write_text("name = 5")
    assert not cast("Any", Draft202012Validator)(terminal.type("schema config").document).is_valid(
        tomllib.loads(source)
    )


def test_the_table_of_the_shipped_files_is_that_of_the_files() -> None:
    assert field_table() in SHIPPED_GUIDE.read_text(), f"docs/shipped-providers.md must have\n{field_table()}"


def test_the_documented_file_is_right(terminal: Terminal) -> None:
    (text,) = blocks(GUIDE, "toml")
    (terminal.folder / "acmebill.toml").write_text(text)
    assert terminal.type("provider check acmebill.toml").out.strip() == "acmebill.toml is right: 2 examples as expected"


def test_the_reference_fits_on_two_pages() -> None:
    """A page is 66 lines of 100 characters."""
    reference = GUIDE.read_text().partition("## Reference")[2]
    lines = sum(1 + len(line) // 100 for line in reference.splitlines())
    assert lines <= 2 * 66


@pytest.mark.parametrize("name", ["stripe", "square", "meteroid"])
def test_init_fills_in_a_source_that_check_accepts(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert terminal.type(f"init --provider {name} mine").code == 0
    key = "ACCESS_TOKEN" if name == "square" else "API_KEY"
    monkeypatch.setenv(f"{name}_{key}".upper(), "key")
    checked = terminal.type("check --config mine/watcher.toml")
    assert (checked.code, "1 source" in checked.out) == (0, True), checked.err


def test_init_says_what_only_the_user_knows(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert terminal.type("init --provider chargebee mine").code == 0
    monkeypatch.setenv("CHARGEBEE_API_KEY", "key")
    checked = terminal.type("check --config mine/watcher.toml")
    assert "sources.chargebee.base_url: is missing" in checked.err
    assert terminal.type("init --provider chargeby mine2").err.count("did you mean 'chargebee'?") == 1


@pytest.mark.parametrize("name", ["chargebee", "tally"])
@pytest.mark.usefixtures("configured")
def test_plan_knows_a_provider_by_file(terminal: Terminal, name: str) -> None:
    ran = terminal.type(f"plan --invoices 5000 --provider {name} --json")
    assert ran.code == 0
    assert json.loads(ran.out.splitlines()[0])["provider"] == name


def test_check_runs_the_examples_of_the_configured_files(terminal: Terminal, configured: Path) -> None:
    text = TALLY.replace('status = "partially_paid"', 'status = "paid"')
    configured.write_text(text)
    ran = terminal.type("check")
    line = text[: text.index('status = "paid"')].count("\n") + 1
    assert (ran.code, ran.out) == (2, "")
    assert f"tally.toml:{line}: example[0].expect.status: is 'paid', but the map gives 'partially_paid'" in ran.err
    configured.write_text(TALLY)
    assert terminal.type("check").code == 0


@pytest.mark.usefixtures("configured")
def test_show_says_where_each_field_comes_from(terminal: Terminal) -> None:
    rows = {row["field"]: row for row in terminal.type("provider show tally --json").lines}
    assert rows["amounts.written_off"]["from"] == (
        "(total_cents − (sum of cents over payments[?state == 'settled'])) if the status is uncollectible, else 0"  # noqa: RUF001
    )
    assert rows["due_on, due_at"]["from"] == "due"
    assert (rows["url"]["from"], rows["url"]["absent"]) == (None, None)
    ran = terminal.type("provider show square")
    assert "(absent: on the order)" in ran.out
    assert "status and the balance" in ran.out


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_files_say_why_a_field_is_absent(name: str) -> None:
    assert [one.field for one in field_sources(shipped_adapter(name)) if not one.origin and not one.absent] == []
