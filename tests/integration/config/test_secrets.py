from pathlib import Path

import pytest

from tests.fakes.provider_kinds import PROVIDER_KINDS
from tests.integration.config.folder import ENDPOINT, SOURCE, Folder
from watcher.config.load import load
from watcher.config.values import addresses

_HOW = '{ env = "NAME" }, { file = "path" } or { credential = "name" }'


def _with(reference: str) -> str:
    return SOURCE.replace('{ env = "KEY" }', reference)


def _secret(folder: Folder, reference: str) -> str:
    return folder.load(_with(reference)).configuration.sources["acme"].credentials["api_key"].get_secret_value()


def test_a_secrets_file_is_found_beside_the_config_and_loses_its_line_end(folder: Folder) -> None:
    folder.write("s3cret\r\n", "secrets/key")
    assert _secret(folder, '{ file = "secrets/key" }') == "s3cret"
    assert folder.path / "secrets/key" in folder.load().files


def test_a_credential_comes_from_systemds_folder_and_is_asked_for_once(folder: Folder, tmp_path: Path) -> None:
    given = tmp_path / "given"
    folder.environment["CREDENTIALS_DIRECTORY"] = str(given)
    folder.write("first\n", "given/acme")
    folder.write(_with('{ credential = "acme" }'))
    kept: dict[str, str] = {}
    load(folder.config, PROVIDER_KINDS, folder.environment, credentials=kept)
    folder.write("second\n", "given/acme")
    loaded = load(folder.config, PROVIDER_KINDS, folder.environment, credentials=kept)
    assert loaded.configuration.sources["acme"].credentials["api_key"].get_secret_value() == "first"
    assert given / "acme" not in loaded.files


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ('"sk_live_hunter2"', f"must not be here in plain text, allowed: {_HOW}"),
        ("7", f"must not be here in plain text, allowed: {_HOW}"),
        ("{}", f"names 0 places, must name exactly one of env, file or credential: {_HOW}"),
        ('{ env = "KEY", file = "x" }', f"names 2 places, must name exactly one of env, file or credential: {_HOW}"),
        ('{ enw = "KEY" }', f'has the unknown key "enw" (did you mean "env"?), allowed: {_HOW}'),
        ("{ env = 1 }", f"env must be a name in quotes, allowed: {_HOW}"),
        ('{ env = "" }', f"env must be a name in quotes, allowed: {_HOW}"),
        ('{ env = "NOPE" }', "the environment variable NOPE is not set, must hold a secret"),
        ('{ env = "EMPTY" }', "the environment variable EMPTY is empty, must hold a secret"),
        ('{ env = "LINES" }', "the environment variable LINES holds more than one line or control characters, must be"),
        ('{ file = "nope" }', "the file {folder}/nope cannot be read: No such file or directory"),
        ('{ file = "." }', "the file {folder} is a directory, must be a file"),
        ('{ file = "empty" }', "the file empty is empty, must hold a secret"),
        ('{ credential = "x" }', "the credential x is not there: $CREDENTIALS_DIRECTORY is not set"),
        ('{ credential = "../x" }', "credential must be the bare name of a systemd credential"),
    ],
)
def test_a_reference_that_leads_nowhere_is_a_mistake(folder: Folder, reference: str, words: str) -> None:
    folder.environment |= {"EMPTY": " ", "LINES": "hunter2\nhunter2"}
    folder.write("\n", "empty")
    (found,) = folder.problems(_with(reference))
    assert found.startswith(f"watcher.toml:3: sources.acme.api_key: {words.replace('{folder}', str(folder.path))}")
    assert "hunter2" not in found


def test_no_secret_is_shown_by_what_was_loaded(folder: Folder) -> None:
    loaded = folder.load('[database]\nurl = "postgresql://user:hunter2@host/name"\n' + SOURCE)
    assert loaded.configuration.database.url.get_secret_value() == "postgresql://user:hunter2@host/name"
    assert "hunter2" not in repr(loaded)
    assert "k-123" not in repr(loaded)


@pytest.mark.parametrize(
    ("url", "absolute"),
    [
        ("sqlite:///a/b.db", "sqlite:///{folder}/a/b.db"),
        ("sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db"),
        ("postgresql://u@h/n", "postgresql://u@h/n"),
    ],
)
def test_the_sqlite_file_is_relative_to_the_config(folder: Folder, url: str, absolute: str) -> None:
    settings = folder.load(f'[database]\nurl = "{url}"\n').configuration.database
    assert settings.url.get_secret_value() == absolute.format(folder=folder.path)


def test_the_database_url_has_a_default_and_may_be_a_secret(folder: Folder) -> None:
    default = folder.load("").configuration.database.url.get_secret_value()
    assert default == f"sqlite:///{folder.path}/invoice-watcher.db"
    folder.environment["DSN"] = "postgresql://u:p@h/n"
    assert (
        folder.load('[database]\nurl = { env = "DSN" }\n').configuration.database.url.get_secret_value().endswith("/n")
    )


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://u:hunter2@h/n", "is not a database this program uses, allowed: sqlite:///relative.db"),
        ("sqlite://", "names no file, allowed: sqlite:///relative.db (three slashes)"),
        ("sqlite:///", "names no file, allowed: sqlite:///relative.db (three slashes)"),
        ("sqlite:///:memory:", "must name a file on disk and nothing else"),
        ("sqlite:///x.db?mode=ro", "must name a file on disk and nothing else"),
        ("postgresql://u:hunter2@h", "names no database, allowed: postgresql://user@host:port/name"),
        ("postgresql://u:hunter2@h:x/n", "is not a URL, allowed: postgresql://user@host:port/name"),
    ],
)
def test_another_database_is_refused_and_not_shown(folder: Folder, url: str, words: str) -> None:
    (found,) = folder.problems(f'[database]\nurl = "{url}"\n')
    assert found.startswith(f"watcher.toml:2: database.url: {words}")
    assert "hunter2" not in found


def test_without_the_driver_of_postgresql_the_configuration_says_how_to_install_it(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "POSTGRESQL_DRIVER", "a_driver_that_is_missing")
    folder.environment["DSN"] = "postgresql://u:hunter2@h/n"
    (found,) = folder.problems('[database]\nurl = { env = "DSN" }\n')
    assert found == (
        "watcher.toml:2: database.url: needs a_driver_that_is_missing, which is not installed: "
        "pip install 'invoice-watcher[postgresql]'"
    )
    assert folder.load('[database]\nurl = "sqlite:///here.db"\n' + SOURCE)


def test_a_secret_that_stands_where_a_list_should_is_not_shown(folder: Folder) -> None:
    assert folder.problems(ENDPOINT.replace("secrets = [", "secrets = 'hunter2' # ")) == [
        "watcher.toml:3: endpoints.ledger.secrets: text is not allowed, must be a list"
    ]
