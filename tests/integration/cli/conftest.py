from pathlib import Path

import pytest

from tests.fakes.adapter_files import FOLDER
from tests.integration.cli.terminal import Terminal

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

CONFIGURATION = """\
[database]
url = "sqlite:///watcher.db"

[watcher]
watchlists = ["lists/*.csv"]

[sources.acme]
provider = "meteroid"
base_url = "http://127.0.0.1:9"
api_key = { file = "api-key" }

[endpoints.ledger]
url = "http://127.0.0.1:9/hooks"
secrets = [{ file = "webhook-secret" }]
allow_private = ["127.0.0.0/8"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with a configuration where the program looks for it by itself."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "watcher.toml").write_text(CONFIGURATION)
    (config / "api-key").write_text("pv_test_key\n")
    (config / "webhook-secret").write_text(f"{SECRET}\n")
    (config / "lists").mkdir()
    (config / "lists" / "first.csv").write_text("source,invoice_id,tags,due_on,note\nacme,inv_1,vip,,\n")
    return tmp_path


@pytest.fixture
def terminal(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """In that directory, with a width at which no message is broken."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("INVOICE_WATCHER_CONFIG", raising=False)
    return Terminal(folder, capsys)


@pytest.fixture
def tally(terminal: Terminal) -> Path:
    path = terminal.folder / "tally.toml"
    path.write_text((FOLDER / "tally.toml").read_text())
    return path
