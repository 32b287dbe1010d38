"""The dashboard and the alert rules that come with the program speak of metrics that it has."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes import stored
from tests.integration.repository import ROOT
from watcher.metrics import Metrics, Standing
from watcher.ports import EndpointBacklog, Outcome, PollOutcome, SourceBacklog

FOLDER = ROOT / "config" / "monitoring"
RULES, DASHBOARD = FOLDER / "alerts.yml", FOLDER / "grafana-dashboard.json"
NAME = re.compile(r"\binvoice_watcher_\w+")
LABELS = re.compile(r"by \(([a-z, ]+)\)")


def told() -> dict[str, set[str]]:
    """Every sample's name with its labels, of a program that has done a little of everything."""
    metrics = Metrics()
    metrics.requested("acme")
    metrics.polled("acme", PollOutcome.CHANGED)
    metrics.recorded(replace(stored.event("evt_1"), delay=timedelta(0)))
    metrics.foreseen({"acme": timedelta(0)})
    metrics.attempted("ledger", stored.receipt(Outcome.DELIVERED))
    metrics.turned("polling")
    metrics.configured({"acme": 5.0})
    standing = Standing(
        sources=[SourceBacklog("acme", is_up=True, lag=timedelta(0))],
        endpoints=[EndpointBacklog("ledger", is_up=True, waiting=0, oldest=timedelta(0))],
        is_config_stale=False,
        is_clock_held=False,
    )
    families = text_string_to_metric_families(metrics.render(standing).decode())
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


def expressions() -> str:
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return "\n".join(target["expr"] for panel in panels for target in panel["targets"])


@pytest.mark.parametrize("asked", [RULES.read_text("utf-8"), expressions()], ids=["alerts", "dashboard"])
def test_what_is_asked_for_is_a_metric_of_this_program_with_these_labels(asked: str) -> None:
    names, known = set(NAME.findall(asked)), told()
    assert len(names) > 8
    assert names - known.keys() == set()
    for labels in LABELS.findall(asked):
        assert any(set(labels.split(", ")) <= has for has in known.values()), labels


def test_prometheus_takes_the_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    command = [promtool, "check", "rules", str(RULES)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- fixed words
    assert checked.returncode == 0, checked.stderr
    assert "SUCCESS" in checked.stdout
