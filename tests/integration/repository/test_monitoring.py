"""The dashboard and the alert rules that come with the program speak of metrics that it has."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes import stored
from tests.integration.repository import ROOT
from tests.integration.repository.documents import blocks
from watcher.config.settings import HttpSettings
from watcher.core.scheduling.hint_state import HintState
from watcher.metrics import GaugeValues, Metrics
from watcher.ports import EndpointBacklog, HintOutcome, HintsTaken, HintSummary, Outcome, PollOutcome, SourceBacklog

FOLDER = ROOT / "config" / "monitoring"
RULES, DASHBOARD = FOLDER / "alerts.yml", FOLDER / "grafana-dashboard.json"
NAME = re.compile(r"\binvoice_watcher_\w+")
LABELS = re.compile(r"by \(([a-z, ]+)\)")
OPERATOR = ROOT / "docs" / "operator.md"
ROW = re.compile(r"^\| `(invoice_watcher_\w+)` \| (.*?) ?\| (.+) \|$", re.MULTILINE)
PARTS = re.compile(r"_(bucket|count|sum|created)$")
PROCESS = "invoice_watcher_process_"  # as the operating system has them


def output() -> dict[str, set[str]]:
    """Every sample's name with its labels, of a program that has done a little of everything."""
    metrics = Metrics()
    metrics.requested("acme", stored.NOW)
    metrics.polled("acme", PollOutcome.CHANGED, 1)
    metrics.recorded(replace(stored.event("evt_1"), delay=timedelta(0)))
    metrics.forecasts({"acme": timedelta(0)})
    metrics.attempted("ledger", stored.receipt(Outcome.DELIVERED))
    metrics.beat("polling")
    metrics.hinted("acme", HintOutcome.ACCEPTED, HintsTaken(1, 0, 0))
    metrics.configured({"acme": 5.0})
    gauges = GaugeValues(
        sources=[SourceBacklog("acme", is_up=True, lag=timedelta(0))],
        endpoints=[EndpointBacklog("ledger", is_up=True, waiting=0, oldest=timedelta(0))],
        is_config_stale=False,
        is_clock_held=False,
        replicas={"active": 1},
        hints={"acme": HintSummary(HintState.WORKING, None, 0.5, None, None)},
    )
    families = text_string_to_metric_families(metrics.render(gauges).decode())
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


def expressions() -> str:
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return "\n".join(target["expr"] for panel in panels for target in panel["targets"])


@pytest.mark.parametrize("asked", [RULES.read_text("utf-8"), expressions()], ids=["alerts", "dashboard"])
def test_what_is_asked_for_is_a_metric_of_this_program_with_these_labels(asked: str) -> None:
    names, known = set(NAME.findall(asked)), output()
    assert len(names) > 8
    assert names - known.keys() == set()
    for labels in LABELS.findall(asked):
        assert any(set(labels.split(", ")) <= has for has in known.values()), labels


def metrics() -> dict[str, set[str]]:
    """The metrics as people name them: a counter by its total, a histogram without its parts."""
    parted = {name.removesuffix("_bucket") for name in output() if name.endswith("_bucket")}
    plain = {name: labels for name, labels in output().items() if not PARTS.search(name)}
    return {**plain, **{name: output()[f"{name}_count"] for name in parted}}


def test_the_operators_page_lists_every_metric_with_its_labels() -> None:
    rows = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels, _ in ROW.findall(OPERATOR.read_text("utf-8"))}
    assert rows == {name: labels for name, labels in metrics().items() if not name.startswith(PROCESS)}


@pytest.mark.parametrize(("name", "outcomes"), [("polls_total", PollOutcome), ("attempts_total", Outcome)])
def test_the_operators_page_lists_every_outcome(name: str, outcomes: type[PollOutcome | Outcome]) -> None:
    (meaning,) = (row[2] for row in ROW.findall(OPERATOR.read_text("utf-8")) if row[0].endswith(name))
    assert re.findall(r"`(\w+)`", meaning) == [outcome.value for outcome in outcomes]


def checked_by_promtool(*words: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    checked = subprocess.run([promtool, "check", *words], capture_output=True, text=True, check=False)  # noqa: S603 -- fixed words
    assert checked.returncode == 0, checked.stderr
    assert "SUCCESS" in checked.stdout


def test_prometheus_takes_the_rules() -> None:
    checked_by_promtool("rules", str(RULES))


def test_prometheus_takes_the_documented_scrape(tmp_path: Path) -> None:
    (block,) = blocks(OPERATOR, "yaml")
    (tmp_path / "prometheus.yml").write_text(block, "utf-8")
    # The files that it names are on the operator's machine.
    checked_by_promtool("config", "--syntax-only", str(tmp_path / "prometheus.yml"))
    assert f'"{HttpSettings().listen}"' in block
