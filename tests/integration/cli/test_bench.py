"""`bench` measures the real service, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from watcher.cli.commands.bench.course import Sizes, measure
from watcher.cli.commands.bench.measuring import Throughput
from watcher.cli.commands.bench.report import Report, print_report
from watcher.cli.commands.bench.steps import Steps
from watcher.sandbox.load_server import LoadServer

SMALL = Sizes(invoices=300, bare_seconds=0.1, polling_seconds=0.5, longest_seconds=20)
REPORT = Report(
    database="database /tmp/bench.db",
    every=timedelta(minutes=15),
    first_polls=Throughput(800.0, 6000, None),
    polls=Throughput(4000.0, 32_000, 0.8),
    deliveries=Throughput(3000.0, 6000, 0.9),
    bare_gets=10_000.0,
    bare_posts=12_000.0,
)


async def test_it_measures_on_postgresql_in_a_schema_of_its_own(postgres_url: str) -> None:
    with Steps(1) as steps, LoadServer() as server:
        report = await measure(server, postgres_url, timedelta(minutes=15), steps, SMALL)
        assert server.webhooks >= SMALL.invoices
    assert 0 < report.first_polls.count < SMALL.invoices
    assert report.deliveries.count > 0
    assert report.polls.per_second > 0
    assert report.bare_gets > 0
    connection = await asyncpg.connect(postgres_url)
    schemas = await connection.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'invoice_watcher%'")
    watches = await connection.fetchval("SELECT count(*) FROM watches")
    await connection.close()
    assert (schemas, watches) == ([], 0)


def test_when_interrupted_it_leaves_nothing_behind(tmp_path: Path) -> None:
    own, temporary = tmp_path / "own" / "own.db", tmp_path / "temporary"
    for folder in (own.parent, temporary):
        folder.mkdir()
    own.write_text("somebody's")
    command = [sys.executable, "-m", "watcher", "bench", "--database", f"sqlite:///{own}"]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 -- our own program
        while len(list(own.parent.iterdir())) == 1:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=50)
    assert (process.returncode, out, err) == (130, b"", b"interrupted; nothing is left behind\n")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["own", "own.db", "temporary"]
    assert own.read_text() == "somebody's"


def test_its_table_says_what_the_figures_mean(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(REPORT, as_json=False)
    out = capsys.readouterr().out
    for words in ("4,000", "0.40", "80%", "200 µs", "one poll per 15m", "3,600,000 invoices", "259,200,000 webhooks"):
        assert words in out
    assert "4,500 invoices" in out


def test_its_document_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(REPORT, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["polls"] == {
        "per_second": 4000, "bare_per_second": 10_000, "ratio": 0.4, "cpu_share": 0.8, "cpu_microseconds": 200,
        "count": 32_000,
    }  # fmt: skip
    assert document["first_polls"]["cpu_share"] is None
    assert document["carries"] == {"every": "15m", "invoices": 3_600_000}
