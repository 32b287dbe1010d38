import os
from datetime import timedelta

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.provider_kinds import PROVIDER_KINDS
from tests.integration.config.folder import SOURCE, Folder
from watcher.config.load import Loaded
from watcher.config.reload import ConfigFiles, reader
from watcher.core.errors import ConfigError

SECOND = timedelta(seconds=1)
CONFIG = f'[watcher]\nwatchlists = ["lists/*.csv"]\n{SOURCE.replace("env", "file")}'


class Watched:
    """A folder with a config and a list in force, and somebody who reads it once a second."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.clock = FakeClock()
        folder.write("first\n", "KEY")
        self.write("lists/a.csv", "acme,1")
        folder.write(CONFIG)
        read = reader(folder.config, PROVIDER_KINDS, folder.environment)
        self.files = ConfigFiles(read(), read, self.clock)

    def write(self, name: str, *rows: str) -> None:
        self.folder.write("\n".join(("source,invoice_id", *rows, "")), name)

    def read(self, seconds: int = 3) -> list[Loaded | ConfigError]:
        seen: list[Loaded | ConfigError] = []
        for _ in range(seconds):
            self.clock.advance(SECOND)
            if (found := self.files.check()) is not None:
                seen.append(found)
        return seen

    def reading(self) -> Loaded:
        (found,) = self.read()
        assert isinstance(found, Loaded)
        return found

    def mistake(self) -> ConfigError:
        (found,) = self.read()
        assert isinstance(found, ConfigError)
        return found


@pytest.fixture
def watched(folder: Folder) -> Watched:
    return Watched(folder)


def _ids(loaded: Loaded) -> list[str]:
    return [entry.invoice_id for entry in loaded.entries]


def test_nothing_is_read_where_nothing_changed(watched: Watched) -> None:
    assert watched.read(10) == []


def test_a_changed_list_is_read_once_it_has_stood_still(watched: Watched) -> None:
    watched.write("lists/a.csv", "acme,1", "acme,2")
    assert watched.read(2) == []
    assert _ids(watched.reading()) == ["1", "2"]
    assert watched.read(10) == []


def test_a_list_that_is_still_being_written_is_not_read(watched: Watched) -> None:
    for number in range(2, 8):
        watched.write("lists/a.csv", *(f"acme,{row}" for row in range(number)))
        assert watched.read(1) == []
    assert len(watched.reading().entries) == 7


def test_a_new_list_that_matches_a_glob_is_seen_and_a_removed_one_too(watched: Watched) -> None:
    watched.write("lists/b.csv", "acme,2")
    assert _ids(watched.reading()) == ["1", "2"]
    (watched.folder.path / "lists/a.csv").unlink()
    assert _ids(watched.reading()) == ["2"]


def test_other_files_in_the_lists_folder_are_no_change(watched: Watched) -> None:
    watched.folder.write("draft", "lists/a.csv.swp")
    assert watched.read(10) == []


def test_a_rotated_secret_is_a_change(watched: Watched) -> None:
    watched.folder.write("second\n", "new")
    (watched.folder.path / "new").replace(watched.folder.path / "KEY")
    credentials = watched.reading().configuration.sources["acme"].credentials
    assert credentials["api_key"].get_secret_value() == "second"


def test_a_file_of_the_same_size_and_time_but_another_is_a_change(watched: Watched) -> None:
    path = watched.folder.path / "lists/a.csv"
    facts = path.stat()
    watched.write("lists/new", "acme,9")
    os.utime(watched.folder.path / "lists/new", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (watched.folder.path / "lists/new").replace(path)
    assert _ids(watched.reading()) == ["9"]


def test_a_mistake_is_reported_once_and_its_correction_is_read(watched: Watched) -> None:
    watched.write("lists/a.csv", "acme,..")
    assert "lists/a.csv:2: invoice_id:" in str(watched.mistake())
    assert watched.read(10) == []
    watched.write("lists/a.csv", "acme,3")
    assert _ids(watched.reading()) == ["3"]


def test_a_list_that_only_the_bad_config_names_is_polled_too(watched: Watched) -> None:
    watched.folder.write(CONFIG.replace("lists/*.csv", "more.csv"))
    assert "more.csv:1: cannot be read: No such file" in str(watched.mistake())
    watched.write("more.csv", "acme,4")
    assert _ids(watched.reading()) == ["4"]


def test_a_config_that_is_broken_and_taken_back_is_read_again(watched: Watched) -> None:
    watched.folder.write("[watcher")
    assert "is not TOML" in str(watched.mistake())
    watched.folder.write(CONFIG)
    assert _ids(watched.reading()) == ["1"]


def test_a_signal_reads_at_once_and_even_without_a_change(watched: Watched) -> None:
    assert isinstance(watched.files.check(now_forced=True), Loaded)
    watched.write("lists/a.csv", "acme,5")
    found = watched.files.check(now_forced=True)
    assert isinstance(found, Loaded)
    assert _ids(found) == ["5"]
    assert watched.read(10) == []


def test_the_environment_is_what_it_was_at_the_start(folder: Folder) -> None:
    folder.write(SOURCE)
    read = reader(folder.config, PROVIDER_KINDS, folder.environment)
    folder.environment["KEY"] = "another"
    assert read().configuration.sources["acme"].credentials["api_key"].get_secret_value() == "k-123"


def test_a_clock_that_is_set_back_only_starts_the_waiting_anew(watched: Watched) -> None:
    watched.write("lists/a.csv", "acme,6")
    assert watched.read(1) == []
    watched.clock.advance(timedelta(hours=-1))
    assert watched.read(2) == []
    assert _ids(watched.reading()) == ["6"]
