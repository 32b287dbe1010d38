"""Commands load what they need: a start is mostly imports, and what is loaded stays in memory."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

_PRINT_MODULES = "import json, sys; json.dump(sorted(sys.modules), sys.stderr)"
_MAIN = f"""
import sys
from watcher.cli import main
code = main(sys.argv[1:])
{_PRINT_MODULES}
sys.exit(code)
"""
_HEAVY = {
    "aiohttp", "alembic", "anyio", "apscheduler", "asyncio", "asyncpg", "jinja2", "jmespath", "prometheus_client",
    "pydantic", "sqlalchemy", "structlog",
}  # fmt: skip
_NOT_FOR_RUN = {
    "alembic",  # the schema is there already
    "asyncpg",  # the database is SQLite
    "jinja2",  # nobody has opened the page
    "jmespath", "watcher.config.adapters.models", "watcher.providers.adapter_file",  # no adapter file is configured
    "rich.progress", "watcher.sandbox",  # what demo and bench need
}  # fmt: skip
_CONFIG = """
[http]
listen = "127.0.0.1:0"
[sources.acme]
provider = "meteroid"
base_url = "http://127.0.0.1:9"
api_key = { env = "KEY" }
"""


def run(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _MAIN, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | environment)  # noqa: S603 -- our own program


def loaded_by(process: subprocess.Popen[bytes]) -> set[str]:
    out, err = process.communicate(timeout=50)
    assert process.returncode == 0, (out, err)
    return set(json.loads(err.splitlines()[-1]))


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_help_and_version_load_neither_database_nor_network_nor_models(option: str) -> None:
    assert loaded_by(run(option)) & _HEAVY == set()


def test_version_does_not_even_load_what_formats_help() -> None:
    assert "rich" not in loaded_by(run("--version"))


def test_run_loads_nothing_that_it_does_not_use(tmp_path: Path) -> None:
    config = tmp_path / "watcher.toml"
    config.write_text(_CONFIG)
    make = [sys.executable, "-m", "watcher", "db", "upgrade", "--config", str(config)]
    subprocess.run(make, check=True, capture_output=True, env=os.environ | {"KEY": "k-123"})  # noqa: S603 -- our own program
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(tmp_path / "notify"))
        notices.settimeout(50)
        process = run("run", "--config", str(config), KEY="k-123", NOTIFY_SOCKET=str(tmp_path / "notify"))
        while b"READY=1" not in notices.recv(4096):
            pass
        process.send_signal(signal.SIGTERM)
        loaded = loaded_by(process)
    assert "watcher.web.application" in loaded
    assert loaded & _NOT_FOR_RUN == set()
