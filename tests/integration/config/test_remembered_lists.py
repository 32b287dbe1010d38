"""Lists whose watches are stored already are not read again; whatever changes what they say is noticed."""

import os
from collections.abc import Callable

import pytest

from tests.fakes.provider_kinds import PROVIDER_KINDS
from tests.integration.config.folder import SOURCE, Folder
from watcher.config.load import Loaded, load
from watcher.config.settings import Configuration
from watcher.config.watchlists import lists
from watcher.core.errors import ConfigError
from watcher.ports import ListDigest
from watcher.store.watches.desired import from_file, texts

_CONFIG = f'[watcher]\nwatchlists = ["lists/*", "more.csv"]\n{SOURCE}'
_HEADER = "source,invoice_id\n"


@pytest.fixture
def listing(folder: Folder) -> Folder:
    folder.write(_CONFIG)
    folder.write(f"{_HEADER}acme,1\nacme,1\n", "lists/a.csv")
    folder.write('source = "acme"\ninvoices = [2]\n', "lists/b.toml")
    folder.write(f"{_HEADER}acme,3\n", "more.csv")
    return folder


def again(folder: Folder, remembered: ListDigest | None) -> Loaded:
    return load(folder.config, PROVIDER_KINDS, folder.environment, stored=lambda _: remembered)


def test_lists_that_are_remembered_are_not_read_and_say_what_they_said(listing: Folder) -> None:
    first = listing.load()
    assert len(first.entries) == first.lists.mark.watches == 3
    second = again(listing, first.lists.mark)
    assert second.lists.entries is None
    assert second.lists.mark == first.lists.mark
    assert (second.warnings, second.files, second.seen) == (first.warnings, first.files, first.seen)
    assert any("both are united" in warning for warning in second.warnings)


def test_what_is_written_elsewhere_in_the_config_file_has_no_list_read(listing: Folder) -> None:
    mark = listing.load().lists.mark
    listing.write(_CONFIG.replace("[watcher]", '[watcher]\ngrace = "1s"'))
    (listing.path / "lists/a.csv").touch()
    assert again(listing, mark).lists.entries is None


def _other_content(folder: Folder) -> None:
    path = folder.path / "lists/a.csv"
    facts = path.stat()
    path.write_text(path.read_text().replace("acme,1\nacme,1", "acme,1\nacme,7"))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _another_source(folder: Folder) -> None:
    folder.write(_CONFIG + SOURCE.replace("acme", "other"))


CHANGES: dict[str, Callable[[Folder], object]] = {
    "content of the same size and time": _other_content,
    "another source": _another_source,
    "a new list": lambda folder: folder.write(f"{_HEADER}acme,4\n", "lists/c.csv"),
    "a list less": lambda folder: (folder.path / "lists/a.csv").unlink(),
    "another name": lambda folder: (folder.path / "lists/a.csv").rename(folder.path / "lists/0.csv"),
    "another order": lambda folder: folder.write(_CONFIG.replace('"lists/*", "more.csv"', '"more.csv", "lists/*"')),
    "a pattern less": lambda folder: folder.write(_CONFIG.replace(', "more.csv"', "")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_could_say_something_else_is_read(listing: Folder, change: Callable[[Folder], object]) -> None:
    mark = listing.load().lists.mark
    change(listing)
    found = again(listing, mark)
    assert found.lists.entries is not None
    assert found.lists.mark.digest != mark.digest
    assert found.lists == listing.load().lists


@pytest.mark.parametrize("name", ["READING", "__version__"])
def test_another_program_reads_for_itself(listing: Folder, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = listing.load().lists.mark
    monkeypatch.setattr(lists, name, 99)
    assert again(listing, mark).lists.entries is not None


def test_what_a_list_means_changes_only_together_with_the_number_of_its_reading(listing: Folder) -> None:
    listing.write("source,invoice_id,tags,due_on,note\nacme,1,vip; x,2026-12-01, ask Kim \n", "lists/a.csv")
    file, other, more = (listing.path / name for name in ("lists/a.csv", "lists/b.toml", "more.csv"))
    assert (lists.READING, texts(listing.load().entries, from_file)["acme"]) == (
        1,
        {
            "1": f'[["file"], ["vip", "x"], "2026-12-01", "ask Kim", "{file}"]',
            "2": f'[["file"], [], null, null, "{other}"]',
            "3": f'[["file"], [], null, null, "{more}"]',
        },
    ), "count READING up: else lists that were read before would never be stored in the new way"


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("lists/a.csv", f"{_HEADER}acme,..\n", "lists/a.csv:2: invoice_id: "),
        ("more.csv", None, "more.csv:1: cannot be read: No such file"),
        ("watcher.toml", _CONFIG.replace("acme", "renamed"), 'lists/a.csv:2: source: "acme" is not a source'),
    ],
)
def test_a_mistake_is_reported_whatever_is_remembered(
    listing: Folder, name: str, text: str | None, problem: str
) -> None:
    mark = listing.load().lists.mark
    if text is None:
        (listing.path / name).unlink()
    else:
        listing.write(text, name)
    with pytest.raises(ConfigError) as raised:
        again(listing, mark)
    assert raised.value.problems[0].removeprefix(f"{listing.path}/").startswith(problem)


def test_mistakes_of_config_and_lists_are_reported_together_and_nobody_asks_what_is_stored(listing: Folder) -> None:
    def never(configuration: Configuration) -> None:
        raise AssertionError(configuration)

    listing.write(_CONFIG.replace("[watcher]", '[watcher]\ngrace = "x"'))
    listing.write(f"{_HEADER}acme,..\n", "more.csv")
    with pytest.raises(ConfigError) as raised:
        load(listing.config, PROVIDER_KINDS, listing.environment, stored=never)
    assert [problem.removeprefix(f"{listing.path}/").partition(": ")[0] for problem in raised.value.problems] == [
        "watcher.toml:2",
        "more.csv:2",
    ]


def test_what_is_remembered_is_of_the_content_that_was_read(listing: Folder) -> None:
    mark = listing.load().lists.mark

    def changed_meanwhile(configuration: Configuration) -> ListDigest:
        del configuration
        listing.write(f"{_HEADER}acme,8\n", "more.csv")
        return mark

    found = load(listing.config, PROVIDER_KINDS, listing.environment, stored=changed_meanwhile).lists
    assert found == listing.load().lists
    assert [entry.invoice_id for entry in found.entries or ()] == ["1", "2", "8"]
