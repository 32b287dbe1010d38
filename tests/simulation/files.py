"""The files of the simulated machine: config and watch lists, and the operator who changes them."""

import os
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fakes.message_text import KINDS

HINT_TOKEN = "t"
_PEOPLE = {name.upper(): f"jsons://people.example.com/{name}" for name in ("finance", "desk", "chat", "team")}
ENVIRONMENT = {"KEY": "k", "SECRET": "whsec_" + "QUFB" * 12, "TOKEN": HINT_TOKEN, **_PEOPLE}
SOURCES = {"acme": ("meteroid", True), "plain": ("rapyd", False)}
"""The provider whose name each source has, and whether it has lists."""
HINTED = "plain"
"""The source that takes hints."""
RATES = {"acme": 2.0, "plain": 0.5}
LEDGER, PICKY = "ledger", "picky"
"""The endpoint that gets everything, and the one whose settings change."""
ALWAYS = ("invoice.paid", "invoice.overdue")
"""What `picky` gets by every version of its settings."""
SOMETIMES = ("invoice.partially_paid", "invoice.updated")
"""What it gets by some of them."""
FINANCE, DESK, TEAM = "finance", "desk", "team"
"""People who get a digest a day, who get each message, and whose settings change."""
WITH_MESSAGES = (FINANCE, DESK, TEAM)
INVOICES = 8
"""Of each source."""
_CONFIG = """
[database]
url = "sqlite:///watcher.db"
[watcher]
watchlists = ["*.csv"]
announce_tracked = true
due_soon = ["2d"]
reminders = ["3d"]
[polling]
every = "{every}"
fastest = "30m"
slowest = "6h"
confirm_deleted = "1h"
[http]
listen = ""
[sources.acme]
provider = "meteroid"
api_key = {{ env = "KEY" }}
rate = "2/s"
[sources.plain]
provider = "rapyd"
api_key = {{ env = "KEY" }}
rate = "30/m"
hints = {{ token = {{ env = "TOKEN" }}, echo = "5m" }}
[hints]
listen = "127.0.0.1:8481"
[endpoints.ledger]
url = "https://ledger.example.com/hooks"
secrets = [{{ env = "SECRET" }}]
events = ["*"]
retries = {retries}
[endpoints.picky]
url = "https://picky.example.com/hooks"
secrets = [{{ env = "SECRET" }}]
events = [{events}]
rate = "{rate}"
retries = {retries}
[notify.finance]
urls = [{{ env = "FINANCE" }}]
events = [{kinds}]
digest = "1d"
at = "02:30"
timezone = "America/New_York"
[notify.desk]
urls = [{{ env = "DESK" }}, {{ env = "CHAT" }}]
events = [{kinds}]
{team}
"""
_TEAM = """
[notify.team]
urls = [{{ env = "TEAM" }}]
events = [{kinds}]
digest = "{digest}"
"""
_DIGESTS = ("1h", "6h", "1d", "", None)
"""Of the team; None removes it."""
_RETRIES = '["0s", "5s", "1m", "5m", "10m", "30m", "1h", "2h", "4h", "8h", "12h", "24h", "24h", "24h", "24h"]'
"""So many that no receiver of a simulated world fails at all of them."""


def ids(source: str) -> tuple[str, ...]:
    return tuple(f"{source}_{number}" for number in range(INVOICES))


@dataclass
class Files:
    """Config and lists in a folder. Times of modification are the simulation's, or a change could go unnoticed."""

    folder: Path
    rng: Random
    _written: int = 0

    @property
    def config(self) -> Path:
        return self.folder / "watcher.toml"

    @property
    def database(self) -> Path:
        return self.folder / "watcher.db"

    def restore(self) -> None:
        """As at the beginning: every invoice is watched."""
        self._write(self.config, _config("2h", "50/s", (*ALWAYS, *SOMETIMES)))
        for source in SOURCES:
            self._watch(source, ids(source))

    def change(self) -> str:
        """Change one file; says how."""
        rng, source = self.rng, self.rng.choice(list(SOURCES))
        kind = rng.randrange(6)
        if kind == 0:
            self._write(self.config, "[polling\nevery = ")
            return "a broken config"
        if kind == 1:
            self._watch(source, ())
            return f"nothing of {source} is watched"
        if kind == 2:
            self.restore()
            return "everything is watched"
        if kind == 3:
            events = (*ALWAYS, *(one for one in SOMETIMES if rng.random() < 0.5))
            digest = rng.choice(_DIGESTS)
            self._write(
                self.config, _config(rng.choice(["1h", "2h", "4h"]), rng.choice(["1/s", "50/s"]), events, digest)
            )
            return f"picky gets {events}, and the team {digest}"
        left = tuple(one for one in ids(source) if rng.random() < 0.7)
        self._watch(source, left)
        return f"watched are {left}"

    def _watch(self, source: str, chosen: tuple[str, ...]) -> None:
        rows = "".join(f"{source},{one}\n" for one in chosen)
        self._write(self.folder / f"{source}.csv", f"source,invoice_id\n{rows}")

    def _write(self, file: Path, text: str) -> None:
        self._written += 1
        file.write_text(text)
        os.utime(file, (self._written, self._written))


def _config(every: str, rate: str, events: tuple[str, ...], digest: str | None = "6h") -> str:
    named, kinds = (", ".join(f'"{one}"' for one in some) for some in (events, KINDS))
    team = "" if digest is None else _TEAM.format(kinds=kinds, digest=digest)
    return _CONFIG.format(every=every, rate=rate, events=named, retries=_RETRIES, kinds=kinds, team=team)
