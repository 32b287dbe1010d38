"""`make install` and `make uninstall` into a DESTDIR, and what systemd/README.md says of restoring and removing."""

import json
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.acceptance.daemon import Site, until
from tests.integration.repository import ROOT
from tests.integration.repository.documents import SYSTEMD, shell
from tests.systemd.conftest import make
from tests.systemd.machine import UNIT, Machine
from tests.systemd.site import SOURCE

pytestmark = pytest.mark.timeout(180)

PROGRAM = Path("opt/invoice-watcher/lib/invoice-watcher")
CONFIG = Path("etc/invoice-watcher")
UNITS = Path("etc/systemd/system")


def test_nothing_that_is_installed_names_where_it_was_made(installed: Path) -> None:
    for name in ("invoice-watcher.service", "invoice-watcher@.service"):
        assert (installed / UNITS / name).read_text() == (ROOT / "systemd" / name).read_text("utf-8")
    scripts = [path for path in (installed / PROGRAM / "bin").iterdir() if not path.is_symlink()]
    assert scripts == []
    compiled = list((installed / PROGRAM).rglob("watcher/__pycache__/*.pyc"))
    assert compiled
    assert [path for path in compiled if str(installed).encode() in path.read_bytes()] == []
    readable = [path for path in (installed / PROGRAM).rglob("*") if not path.stat().st_mode & stat.S_IROTH]
    assert readable == []


def test_the_first_configuration_keeps_the_database_where_the_service_may_write(installed: Path) -> None:
    written = tomllib.loads((installed / CONFIG / "watcher.toml").read_text())
    assert written["database"]["url"] == "sqlite:////var/lib/invoice-watcher/invoice-watcher.db"
    assert stat.S_IMODE((installed / CONFIG / "credentials").stat().st_mode) == 0o700


def test_an_upgrade_into_a_shared_prefix_replaces_the_program_and_nothing_else(installed: Path, tmp_path: Path) -> None:
    destination, prefix = tmp_path / "installed", tmp_path / "installed" / "usr" / "local"
    shutil.copytree(installed / "etc", destination / "etc", symlinks=True)
    (prefix / "bin").mkdir(parents=True)
    old = prefix / "lib" / "invoice-watcher" / "of-the-old-version"
    old.parent.mkdir(parents=True)
    old.touch()
    kept = {
        prefix / "bin" / "another": "somebody else's",
        destination / CONFIG / "watcher.toml": "# mine\n",
        destination / UNITS / "invoice-watcher.service.d" / "credentials.conf": "# mine\n",
    }
    for path, text in kept.items():
        path.write_text(text)
    make("install", destination, PREFIX="/usr/local")
    assert [path.name for path in (prefix / "lib").iterdir()] == ["invoice-watcher"]
    assert not old.exists()
    for path in (destination / UNITS / "invoice-watcher.service", prefix / "bin" / "invoice-watcher"):
        assert "/usr/local/lib/invoice-watcher/bin/python -I -m watcher" in path.read_text()
        assert "/opt/" not in path.read_text()
    assert {path: path.read_text() for path in kept} == kept
    output = make("uninstall", destination, PREFIX="/usr/local")
    assert f"Left in place: {destination / CONFIG}" in output
    assert [path for path in prefix.rglob("*") if path.is_file()] == [prefix / "bin" / "another"]
    assert [path for path in (destination / UNITS).iterdir() if path.suffix == ".service"] == []
    assert {path: path.read_text() for path in kept} == kept


def test_an_interpreter_that_the_service_could_not_see_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    hidden, home = tmp_path / "python", Path("/", "home", "somebody", "python")
    hidden.write_text(f'#!/bin/sh\n[ "${{2#*base_prefix}}" = "$2" ] || echo {home}\n')
    hidden.chmod(0o755)
    done = subprocess.run(  # noqa: S603 -- our own Makefile
        ["make", "install", f"PYTHON={hidden}", f"DESTDIR={tmp_path}/installed"],  # noqa: S607 -- on every path
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert f"lives in {home}, and the service sees no home directories" in done.stderr
    assert not (tmp_path / "installed").exists()


def without(line: str, block: str) -> str:
    """The block without what other tests have done for the machine."""
    lines = block.splitlines()
    lines.remove(line)
    return "\n".join(lines)


async def test_a_backup_is_restored_and_the_service_upgraded_and_removed_as_documented(
    machine: Machine, site: Site
) -> None:
    bill = site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.watch(SOURCE, "inv_1")
    site.write()
    await machine.systemctl("start", UNIT)
    await site.hears("inv_1", "tracked")
    await machine.type(shell(SYSTEMD, "Back up"))
    site.sandbox.ledger.pay(bill)
    await site.hears("inv_1", "tracked", "paid")
    await machine.type(shell(SYSTEMD, "Restore"))
    await until(lambda: len(site.receiver.deliveries) == 3, "what the backup does not know is reported again")
    paid, again = site.receiver.deliveries[1:]
    assert (paid.id, again.duplicate) == (again.id, True)
    events = [json.loads(line)["data"] for line in (await machine.program("events", "--json")).out.splitlines()]
    assert [(event["event_id"], event["sequence"]) for event in events][1:] == [(paid.id, 2)]
    await machine.type(without("make install", shell(SYSTEMD, "Upgrade")))
    assert await machine.shows("ActiveState") == "active"
    await machine.type(without("make uninstall", shell(SYSTEMD, "Remove")))
    left = await machine.type("find /etc /var/lib /run/credentials -name 'invoice-watcher*'")
    units = ("invoice-watcher.service", "invoice-watcher@.service")
    assert sorted(left.split()) == [f"/etc/systemd/system/{name}" for name in units]
