"""Which file is read, and what can be wrong with a file as a whole."""

import os
from pathlib import Path

import pytest

from tests.fakes.provider_kinds import PROVIDER_KINDS
from tests.integration.config.folder import SOURCE, Folder
from watcher.config.load import PLACES, find, load
from watcher.core.errors import ConfigError


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[watcher\n", "1: is not TOML: Expected ']' at the end of a table declaration at column 9"),
        (b"[log]\n\nlevel = \n", "3: is not TOML: Invalid value at column 9"),
        (b"[log]\nlevel = 'a'\nlevel = 'b'\n", "3: is not TOML: Cannot overwrite a value at column 12"),
        (b'[log]\nlevel = """\n', "2: is not TOML: Unterminated string at the end of the file"),
        (b"[log]\nx = 2026-02-30\n", "2: is not TOML: Invalid date or datetime at column 5"),
        (b"x = " + b"9" * 5000, "1: is not TOML that is read: a number has thousands of digits"),
        (b"x = " + b"[" * 5000, "1: is nested too deep"),
        (b"[log]\nlevel = '\xe4'\n", "2: is not UTF-8 text from here on, must be UTF-8: save it as UTF-8"),
        ("[log]\n".encode("utf-16"), "1: is UTF-16 text, must be UTF-8: save it as UTF-8"),
        ("[log]\n".encode("utf-16-le"), "1: holds a NUL character, must be UTF-8 text"),
    ],
)
def test_a_file_that_is_not_toml_is_one_mistake_at_its_line(folder: Folder, content: bytes, problem: str) -> None:
    assert folder.problems(content) == [f"watcher.toml:{problem}"]


def test_a_byte_order_mark_tabs_and_windows_line_ends_do_no_harm(folder: Folder) -> None:
    folder.write(b"\xef\xbb\xbf[log]\r\n\tlevel\t=\t'debug'\r\n")
    assert folder.load().configuration.log.level == "debug"
    folder.write(b"\xef\xbb\xbf[log]\r\n\r\n\tlevel = 'x'\r\n")
    assert folder.problems()[0].startswith("watcher.toml:3: log.level: ")


def test_a_folder_is_no_config_file(folder: Folder) -> None:
    folder.config.mkdir()
    assert folder.problems() == ["watcher.toml:1: is a directory, must be a file"]


def test_a_pipe_is_not_waited_for(folder: Folder) -> None:
    os.mkfifo(folder.config)
    assert folder.problems() == ["watcher.toml:1: is not a regular file"]


def test_a_file_that_is_not_there_is_reported(folder: Folder) -> None:
    assert folder.problems() == ["watcher.toml:1: cannot be read: No such file or directory"]


def test_a_file_that_cannot_be_opened_is_reported_with_the_systems_words(folder: Folder) -> None:
    folder.config.symlink_to(folder.config)
    assert folder.problems() == ["watcher.toml:1: cannot be read: Too many levels of symbolic links"]


def test_the_named_file_comes_first_then_the_variable_then_the_working_folder(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    here = folder.write("", "config/watcher.toml")
    named, variable = folder.write("", "a.toml"), folder.write("", "b.toml")
    environment = {"INVOICE_WATCHER_CONFIG": str(variable)}
    assert find(named, environment) == named
    assert find(None, environment) == variable
    assert find(None, {"INVOICE_WATCHER_CONFIG": ""}).absolute() == here


def test_a_named_file_that_is_not_there_is_not_replaced_by_another(folder: Folder) -> None:
    folder.write("", "b.toml")
    environment = {"INVOICE_WATCHER_CONFIG": str(folder.path / "b.toml")}
    with pytest.raises(ConfigError, match=r"nope\.toml: is not there \(named by --config\), `invoice-watcher init`"):
        find(folder.path / "nope.toml", environment)
    with pytest.raises(ConfigError, match=r"is not there \(named by \$INVOICE_WATCHER_CONFIG\)"):
        find(None, {"INVOICE_WATCHER_CONFIG": "/nope.toml"})


@pytest.mark.skipif(PLACES[1].exists(), reason="this machine has a config of its own in /etc")
def test_no_config_at_all_names_every_place_and_what_to_do(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.path)
    with pytest.raises(ConfigError) as raised:
        find(None, {})
    for word in ("--config", "$INVOICE_WATCHER_CONFIG", *map(str, PLACES), "`invoice-watcher init`"):
        assert word in str(raised.value)


def test_paths_are_relative_to_the_config_and_not_to_the_working_folder(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("source,invoice_id\nacme,1\n", "etc/lists/a.csv")
    folder.write(f'[watcher]\nwatchlists = ["lists/a.csv"]\n{SOURCE}', "etc/watcher.toml")
    monkeypatch.chdir(folder.path)
    loaded = load(Path("etc/watcher.toml"), PROVIDER_KINDS, folder.environment)
    assert [entry.where for entry in loaded.entries] == ["etc/lists/a.csv:2"]
    assert loaded.files == (Path("etc/watcher.toml"), Path("etc/lists/a.csv"))
    assert loaded.configuration.database.url.get_secret_value() == f"sqlite:///{folder.path}/etc/invoice-watcher.db"
