"""The manifests are valid, start confined pods, and agree with the program and with each other."""

from pathlib import Path
from typing import Any

import kubernetes_validate  # pyright: ignore[reportMissingTypeStubs] -- there are none
import pytest
import yaml

from tests.integration.repository import ROOT
from tests.integration.repository.test_compose import configuration
from watcher.config.settings import Configuration
from watcher.web import LAST_ANSWERS

FOLDER = ROOT / "config" / "kubernetes"
MANIFESTS: dict[str, dict[str, Any]] = {
    one.name: yaml.safe_load(one.read_text("utf-8")) for one in FOLDER.glob("*.yaml")
}
POD: dict[str, Any] = MANIFESTS["deployment.yaml"]["spec"]["template"]["spec"]
CONTAINERS: list[dict[str, Any]] = [*POD["initContainers"], *POD["containers"]]
NAMED = {"app.kubernetes.io/name": "invoice-watcher"}
OLDEST = "1.27"
"""The first with `unhealthyPodEvictionPolicy` switched on."""


@pytest.fixture(name="configured")
def fixture_configured(tmp_path: Path) -> Configuration:
    data = MANIFESTS["configmap.yaml"]["data"]
    (tmp_path / "watchlist-example.toml").write_text(data["watchlist-example.toml"], "utf-8")
    return configuration(data["watcher.toml"], tmp_path, "/run/secrets/invoice-watcher")


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_is_valid(name: str, version: str) -> None:
    kubernetes_validate.validate(MANIFESTS[name], version, strict=True)


def test_a_mistake_in_one_would_be_found() -> None:
    wrong = MANIFESTS["service.yaml"] | {"spec": {"port": 8480}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, OLDEST, strict=True)


def test_pods_are_restricted_as_the_pod_security_standards_say() -> None:
    context = POD["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert f"{context['runAsUser']}:{context['runAsGroup']}" in (ROOT / "Containerfile").read_text("utf-8")
    assert {next(iter(volume.keys() - {"name"})) for volume in POD["volumes"]} <= {"configMap", "secret"}
    for container in CONTAINERS:
        confined = container["securityContext"]
        assert confined["allowPrivilegeEscalation"] is False
        assert confined["readOnlyRootFilesystem"] is True
        assert confined["capabilities"] == {"drop": ["ALL"]}


def test_the_parts_mean_each_other() -> None:
    assert MANIFESTS["deployment.yaml"]["spec"]["template"]["metadata"]["labels"] == NAMED
    assert MANIFESTS["deployment.yaml"]["spec"]["selector"]["matchLabels"] == NAMED
    assert MANIFESTS["service.yaml"]["spec"]["selector"] == NAMED
    assert MANIFESTS["poddisruptionbudget.yaml"]["spec"]["selector"]["matchLabels"] == NAMED
    assert MANIFESTS["networkpolicy.yaml"]["spec"]["podSelector"]["matchLabels"] == NAMED
    assert {one["metadata"]["name"] for one in MANIFESTS.values()} == {"invoice-watcher"}
    assert [container["args"] for container in CONTAINERS] == [["db", "upgrade"], ["run"]]
    mounted = {volume["name"] for volume in POD["volumes"]}
    assert all({one["name"] for one in container["volumeMounts"]} == mounted for container in CONTAINERS)


def test_no_secret_is_in_them() -> None:
    assert "Secret" not in {one["kind"] for one in MANIFESTS.values()}
    assert not any("env" in container for container in CONTAINERS)


def test_the_configuration_is_accepted_and_its_secrets_are_mounted(configured: Configuration) -> None:
    (folder,) = {one["mountPath"] for one in CONTAINERS[1]["volumeMounts"] if one["name"] == "secrets"}
    assert f'url = {{ file = "{folder}/database_url" }}' in MANIFESTS["configmap.yaml"]["data"]["watcher.toml"]
    assert configured.http.listen == f"0.0.0.0:{CONTAINERS[1]['ports'][0]['containerPort']}"
    assert "invoice-watcher" in configured.http.host_names


def test_a_pod_has_the_time_that_it_needs(configured: Configuration) -> None:
    container = CONTAINERS[1]
    assert POD["terminationGracePeriodSeconds"] > (configured.watcher.shutdown_grace + LAST_ANSWERS).total_seconds()
    starting = container["startupProbe"]
    assert starting["periodSeconds"] * starting["failureThreshold"] > configured.database.wait.total_seconds()
    assert {container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness")} == {"/healthz"}
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
