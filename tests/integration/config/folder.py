"""A folder with a config file in it, and what reading it says."""

import base64
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fakes.provider_kinds import PROVIDER_KINDS
from watcher.config.load import Loaded, load
from watcher.core.errors import ConfigError

WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()
SOURCE = """\
[sources.acme]
provider = "meteroid"
api_key = { env = "KEY" }
"""
ENDPOINT = """\
[endpoints.ledger]
url = "https://example.com/hooks"
secrets = [{ env = "WHSEC" }]
"""


@dataclass
class Folder:
    path: Path
    environment: dict[str, str] = field(default_factory=lambda: {"KEY": "k-123", "WHSEC": WHSEC})

    @property
    def config(self) -> Path:
        return self.path / "watcher.toml"

    def write(self, text: str | bytes, name: str = "watcher.toml") -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def load(self, text: str | None = None) -> Loaded:
        if text is not None:
            self.write(text)
        return load(self.config, PROVIDER_KINDS, self.environment)

    def problems(self, text: str | bytes | None = None) -> list[str]:
        """All mistakes, without the folder before each."""
        if text is not None:
            self.write(text)
        with pytest.raises(ConfigError) as raised:
            self.load()
        return [problem.removeprefix(f"{self.path}/") for problem in raised.value.problems]

    def warnings(self, text: str | None = None) -> list[str]:
        return [warning.removeprefix(f"{self.path}/") for warning in self.load(text).warnings]
