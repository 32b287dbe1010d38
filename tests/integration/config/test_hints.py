"""`[hints]` and `[sources.NAME.hints]`: what they accept, and how each mistake is named."""

from datetime import timedelta

import pytest

from tests.integration.config.folder import SOURCE, WHSEC, Folder
from watcher.daemon import wiring

RAPYD = '[sources.r]\nprovider = "rapyd"\naccess_key = { env = "KEY" }\nsecret_key = { env = "KEY" }\n'
DOLLR = '[sources.d]\nprovider = "dollr"\nclient_id = { env = "KEY" }\nclient_secret = { env = "KEY" }\n'
PUBLIC = '[hints]\npublic_url = "https://hooks.example.com/"\n'


def test_a_source_takes_no_hints_unless_there_is_a_table(folder: Folder) -> None:
    configuration = folder.load(SOURCE).configuration
    assert configuration.sources["acme"].hints is None
    assert (configuration.hints.listen, configuration.hints.public_url) == ("", None)
    assert wiring.hint_sources(configuration) == {}


def test_secrets_and_tokens_are_kept_apart_and_several_are_a_rotation(folder: Folder) -> None:
    table = (
        '[sources.acme.hints]\nsecret = { env = "WHSEC" }\nsecrets = [{ env = "WHSEC" }]\ntoken = { env = "KEY" }\n'
        'echo = "3s"\n'
    )
    configuration = folder.load(SOURCE + table).configuration
    hints = configuration.sources["acme"].hints
    assert hints is not None
    assert (hints.all_secrets, hints.all_tokens, hints.echo) == ((WHSEC, WHSEC), ("k-123",), timedelta(seconds=3))
    assert len(wiring.hint_sources(configuration)["acme"].schemes) == 2


def test_what_only_hints_know_gets_a_tenth_of_the_rate(folder: Folder) -> None:
    text = f'{SOURCE}discover = true\nrate = "2/s"\n[sources.acme.hints]\ntoken = {{ env = "KEY" }}\n'
    sources = wiring.hint_sources(folder.load(text).configuration)
    assert sources["acme"].discovery_interval == timedelta(seconds=5)


def test_rapyd_needs_no_secret_and_dollr_takes_one_as_a_token(folder: Folder) -> None:
    text = f'{PUBLIC}{RAPYD}[sources.r.hints]\n{DOLLR}hints = {{ secret = {{ env = "KEY" }} }}\n'
    assert folder.load(text).configuration.hints.public_url == "https://hooks.example.com"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            f"{RAPYD}[sources.r.hints]\n",
            "watcher.toml:1: hints.public_url: is missing, rapyd signs the URL that it calls",
        ),
        (f"{SOURCE}[sources.acme.hints]\n", "watcher.toml:4: sources.acme.hints: hints need a secret or a token"),
        (
            f'{SOURCE}[sources.acme.hints]\nsecret = {{ env = "KEY" }}\n',
            "watcher.toml:4: sources.acme.hints: ",
        ),
        (
            f'{PUBLIC}{RAPYD}[sources.r.hints]\nsecret = {{ env = "KEY" }}\n',
            "watcher.toml:7: sources.r.hints: rapyd signs its webhooks with the credentials of the account",
        ),
        (
            f'{SOURCE}[sources.acme.hints]\nsecret = "PLANTED"\n',
            "watcher.toml:5: sources.acme.hints.secret: ",
        ),
        (
            f'{SOURCE}[sources.acme.hints]\ntoken = {{ env = "KEY" }}\necko = "1s"\n',
            "watcher.toml:6: sources.acme.hints.ecko: is not a known key",
        ),
        (f"{SOURCE}hints = true\n", "watcher.toml:4: sources.acme.hints: true is not allowed, must be a table"),
        ('[hints]\nlisten = "8481"\n', "watcher.toml:2: hints.listen: "),
        ('[hints]\npublic_url = "hooks"\n', "watcher.toml:2: hints.public_url: is not a URL"),
        (
            '[http]\nlisten = "127.0.0.1:8480"\n[hints]\nlisten = "127.0.0.1:8480"\n',
            'watcher.toml:4: hints.listen: is that of [http]: leave it "" to share that one',
        ),
        (
            f'{SOURCE}hints = {{ token = {{ env = "KEY" }} }}\n[http]\nlisten = ""\n',
            "watcher.toml:1: hints.listen: has no address to listen on: set it, or http.listen",
        ),
    ],
)
def test_every_mistake_is_named_with_its_line(folder: Folder, text: str, problem: str) -> None:
    (named,) = folder.problems(text)
    assert named.startswith(problem)
    assert "PLANTED" not in named
    assert "k-123" not in named


def test_a_listener_of_its_own_takes_a_restart(folder: Folder) -> None:
    old, new = (folder.load(f'{SOURCE}[hints]\nlisten = "{at}"\n').configuration for at in ("", "127.0.0.1:8481"))
    assert wiring.needs_restart(old, new) == ("hints.listen",)
