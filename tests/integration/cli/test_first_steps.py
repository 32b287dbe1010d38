"""What a new user does first: init, check, schema."""

import json
import tomllib
from pathlib import Path

import pytest

from tests.integration.cli.terminal import Terminal
from watcher.core.invoices.event_schema import event_schema


def test_init_writes_a_configuration_that_the_program_finds_by_itself(
    terminal: Terminal, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    monkeypatch.chdir(empty)

    ran = terminal.run("init")

    assert ran.code == 0
    assert tomllib.loads((empty / "config" / "watcher.toml").read_text())["polling"]["every"] == "15m"
    assert {path.suffix for path in (empty / "config" / "watchlists").iterdir()} == {".toml", ".csv"}
    assert "invoice-watcher check" in ran.out


def test_what_init_writes_is_a_right_configuration(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("init", tmp_path / "new")

    ran = terminal.run("check", "--config", tmp_path / "new" / "watcher.toml")

    assert (ran.code, ran.err.count("error")) == (0, 0)


def test_init_never_overwrites_even_one_file(terminal: Terminal) -> None:
    before = (terminal.folder / "config" / "watcher.toml").read_text()

    ran = terminal.run("init")

    assert (ran.code, ran.out) == (1, "")
    assert "watcher.toml exists already" in ran.err
    assert (terminal.folder / "config" / "watcher.toml").read_text() == before
    assert not (terminal.folder / "config" / "watchlists").exists()


def test_init_into_a_folder_that_cannot_be_made_fails_in_words(terminal: Terminal) -> None:
    (terminal.folder / "blocked").write_text("a file")

    ran = terminal.run("init", "blocked/inner")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: ")


def test_check_reports_sizes_to_people_and_everything_to_programs(terminal: Terminal) -> None:
    shown, document = terminal.type("check"), terminal.type("check --json").document

    assert (shown.code, shown.out) == (0, "config/watcher.toml is right: 1 source, 1 endpoint, 1 watched invoice\n")
    assert (document["endpoints"], document["watches"], document["warnings"]) == (["ledger"], 1, [])
    assert "config/lists/first.csv" in str(document["files"])


def test_check_shows_no_secret(terminal: Terminal) -> None:
    ran = terminal.type("check --json")

    assert "pv_test_key" not in ran.out + ran.err
    assert "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" not in ran.out + ran.err


def test_check_warns_of_repeats_and_still_succeeds(terminal: Terminal) -> None:
    (terminal.folder / "config" / "lists" / "second.csv").write_text(
        "source,invoice_id,tags,due_on,note\nacme,inv_1,legal,,\n"
    )

    ran = terminal.type("check")

    assert ran.code == 0
    assert "warning: " in ran.err
    assert "second.csv:2" in ran.err


@pytest.mark.parametrize("subject", ["config", "watchlist", "event"])
def test_a_schema_is_one_document_with_and_without_json(subject: str, terminal: Terminal) -> None:
    plain, for_programs = terminal.type(f"schema {subject}"), terminal.type(f"schema {subject} --json")

    assert plain.document == for_programs.document
    assert str(plain.document["$schema"]).startswith("https://json-schema.org/draft/2020-12/")


def test_the_event_schema_is_the_core_s_own(terminal: Terminal) -> None:
    assert terminal.type("schema event").document == json.loads(json.dumps(event_schema()))


@pytest.mark.parametrize(
    ("language", "begins"), [("python", '"""The webhooks'), ("typescript", "/**\n * The webhooks")]
)
def test_types_for_receivers_are_printed_alike_each_time(language: str, begins: str, terminal: Terminal) -> None:
    first, second = (terminal.type(f"schema event --as {language}") for _ in range(2))

    assert (first.code, first.err) == (0, "")
    assert first.out.startswith(begins)
    assert first.out == second.out


@pytest.mark.parametrize("words", ["schema config --as python", "schema event --as typescript --json"])
def test_types_are_those_of_the_bodies_and_no_json(words: str, terminal: Terminal) -> None:
    refused = terminal.type(words)

    assert (refused.code, refused.out) == (2, "")
    assert "give it with `event`, and without --json" in refused.err
