"""What `config/compose.yaml` starts: confined services, files that exist, a configuration that is accepted."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.repository import ROOT
from tests.integration.repository.test_monitoring import checked_by_promtool
from watcher.config.load import load
from watcher.config.settings import Configuration
from watcher.config.values.durations import parse_duration
from watcher.providers import PROVIDERS
from watcher.web import LAST_ANSWERS

FOLDER = ROOT / "config"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DASHBOARDS = FOLDER / "compose" / "grafana" / "dashboards" / "invoice-watcher.yaml"
each_service = pytest.mark.parametrize("name", SERVICES)


def configuration(text: str, folder: Path, mounted: str) -> Configuration:
    """What a watcher.toml says whose secrets are below the folder `mounted`: each is there, and another one."""
    for number, name in enumerate(re.findall(rf'file = "{mounted}/(\w+)"', text)):
        secret = "postgresql://watcher:secret@database/watcher" if name == "database_url" else f"{number:032}"
        (folder / name).write_text(secret)
    (folder / "watcher.toml").write_text(text.replace(mounted, str(folder)), "utf-8")
    return load(folder / "watcher.toml", PROVIDERS, {}).configuration


@pytest.fixture(name="configured")
def fixture_configured(tmp_path: Path) -> Configuration:
    text = (FOLDER / "compose" / "watcher" / "watcher.toml").read_text("utf-8")
    return configuration(text, tmp_path, "/run/secrets")


@each_service
def test_a_service_has_no_right_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "cap_add", "env_file"} & service.keys()
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@each_service
def test_what_is_mounted_is_there_and_only_volumes_are_written_to(name: str) -> None:
    for mount in SERVICES[name].get("volumes", ()):
        source, _, target = mount.partition(":")
        if source in COMPOSE["volumes"]:
            continue
        assert target.endswith(":ro"), mount
        assert (FOLDER / source).exists(), mount


def test_secrets_are_files_that_git_ignores_and_each_is_used() -> None:
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", ())}
    assert used == set(COMPOSE["secrets"])
    assert {Path(one["file"]).parent for one in COMPOSE["secrets"].values()} == {Path("compose/secrets")}
    assert "config/compose/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert not [
        text
        for service in SERVICES.values()
        for text in service.get("environment", {})
        if "PASSWORD" in text and "FILE" not in text
    ]


def test_the_configuration_is_accepted_and_named_secrets_are_mounted(configured: Configuration) -> None:
    text = (FOLDER / "compose" / "watcher" / "watcher.toml").read_text("utf-8")
    named = set(re.findall(r'^[^#\n]*file = "/run/secrets/(\w+)"', text, re.MULTILINE))
    for replica in ("blue", "green"):
        assert named == set(SERVICES[replica]["secrets"])
        assert SERVICES[replica]["command"] == ["run", "--name", replica]
    assert configured.http.listen == "0.0.0.0:8480"


def test_prometheus_scrapes_the_replicas_by_names_that_they_accept(configured: Configuration) -> None:
    (job,) = yaml.safe_load((FOLDER / "compose" / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    hosts = {target.removesuffix(":8480") for scraped in job["static_configs"] for target in scraped["targets"]}
    assert hosts == {"blue", "green"} == configured.http.host_names
    assert Path(job["authorization"]["credentials_file"]).name in SERVICES["prometheus"]["secrets"]
    checked_by_promtool("config", "--syntax-only", str(FOLDER / "compose" / "prometheus.yml"))


def test_grafana_finds_the_dashboard() -> None:
    (provider,) = yaml.safe_load(DASHBOARDS.read_text("utf-8"))["providers"]
    mounts = [mount.split(":") for mount in SERVICES["grafana"]["volumes"]]
    (at,) = (mount[1] for mount in mounts if mount[0].endswith("grafana-dashboard.json"))
    assert str(Path(at).parent) == provider["options"]["path"]


def test_a_replica_is_killed_only_after_it_has_had_time_to_stop(configured: Configuration) -> None:
    needed = configured.watcher.shutdown_grace + LAST_ANSWERS
    assert parse_duration(SERVICES["blue"]["stop_grace_period"]) > needed
    assert parse_duration(SERVICES["blue"]["healthcheck"]["start_period"]) >= configured.database.wait
