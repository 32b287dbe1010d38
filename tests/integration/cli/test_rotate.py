"""`endpoints rotate`: a new secret, and the line to put into the configuration."""

import json
import tomllib
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from tests.fakes.receiver import answering, receiving
from tests.integration.cli.conftest import SECRET
from tests.integration.cli.elsewhere import configure, elsewhere
from tests.integration.cli.terminal import Terminal
from watcher.core.webhooks.signature import decode_secret


def configured(folder: Path, secrets: str) -> Path:
    config = folder / "config" / "watcher.toml"
    config.write_text(config.read_text().replace('[{ file = "webhook-secret" }]', secrets))
    return config


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_secret_and_the_line_with_both_are_printed_and_nothing_is_stored(terminal: Terminal) -> None:
    before = files(terminal.folder)
    ran = terminal.type("endpoints rotate ledger")

    secret, line = ran.out.splitlines()
    assert len(decode_secret(secret)) == 32
    assert line == 'secrets = [{ file = "webhook-secret-2" }, { file = "webhook-secret" }]'
    assert "watcher.toml:14" in ran.err
    assert files(terminal.folder) == before
    assert terminal.type("endpoints rotate ledger").out.splitlines()[0] != secret


def test_the_printed_line_works_as_it_stands_and_both_secrets_sign(terminal: Terminal) -> None:
    document = terminal.type("endpoints rotate ledger --json").document
    config = terminal.folder / "config" / "watcher.toml"
    lines = config.read_text().splitlines()
    lines[int(str(document["replaces"]).rsplit(":", 1)[1]) - 1] = str(document["line"])
    config.write_text("\n".join(lines))
    (config.parent / "webhook-secret-2").write_text(str(document["secret"]))

    with elsewhere(lambda: receiving(answering())) as receiver:
        configure(terminal.folder, receiver.url())
        assert terminal.type("endpoints test ledger").code == 0
    [request] = receiver.requests
    for secret in (SECRET, str(document["secret"])):
        Webhook(secret).verify(request.body, request.headers)


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ('[{ env = "LEDGER" }]', '[{ env = "LEDGER_2" }, { env = "LEDGER" }]'),
        ('[{ env = "L_2" }, { env = "L" }]', '[{ env = "L_3" }, { env = "L_2" }, { env = "L" }]'),
        ('[{ env = "L" }, { env = "L_2" }]', '[{ env = "L_3" }, { env = "L" }, { env = "L_2" }]'),
        ('[{ credential = "ledger" }]', '[{ credential = "ledger-2" }, { credential = "ledger" }]'),
        ('[{ file = "keys/a b.txt" }]', '[{ file = "keys/a b-2.txt" }, { file = "keys/a b.txt" }]'),
        ('[{ file = "/run/x.d/key-9" }]', '[{ file = "/run/x.d/key-10" }, { file = "/run/x.d/key-9" }]'),
        ("[{ file = 'a\"b' }]", '[{ file = "a\\"b-2" }, { file = "a\\"b" }]'),
    ],
)
def test_the_new_reference_stands_first_and_needs_no_secret_to_be_there(
    written: str, line: str, terminal: Terminal
) -> None:
    configured(terminal.folder, written)
    document = terminal.type("endpoints rotate ledger --json").document

    assert document["line"] == f"secrets = {line}"
    assert tomllib.loads(str(document["line"]))["secrets"][0] == document["reference"]


def test_a_file_that_is_there_already_is_not_named_as_the_new_one(terminal: Terminal) -> None:
    (terminal.folder / "config" / "webhook-secret-2").touch()
    document = terminal.type("endpoints rotate ledger --json").document

    assert document["reference"] == {"file": "webhook-secret-3"}


@pytest.mark.parametrize("written", ["[]", '"whsec_plain"', '["whsec_plain"]', '[{ env = "A", file = "b" }]'])
def test_what_is_no_reference_is_refused_with_its_line_and_not_shown(written: str, terminal: Terminal) -> None:
    configured(terminal.folder, written)
    ran = terminal.type("endpoints rotate ledger")

    assert (ran.code, ran.out) == (2, "")
    assert "watcher.toml:14: endpoints.ledger.secrets: must be a list of" in ran.err
    assert "whsec" not in ran.err


def test_an_unknown_endpoint_is_met_with_the_nearest_one(terminal: Terminal) -> None:
    ran = terminal.type("endpoints rotate leger")

    assert (ran.code, ran.out) == (1, "")
    assert "did you mean 'ledger'?" in ran.err


def test_a_broken_file_is_reported_with_its_line(terminal: Terminal) -> None:
    (terminal.folder / "config" / "watcher.toml").write_text("[endpoints.ledger\n")
    ran = terminal.type("endpoints rotate ledger")

    assert (ran.code, ran.out) == (2, "")
    assert "watcher.toml:1: is not TOML" in ran.err


def test_for_programs_it_is_one_document(terminal: Terminal) -> None:
    assert list(json.loads(terminal.type("endpoints rotate ledger --json").out)) == [
        *("endpoint", "secret", "reference", "line", "replaces")
    ]
