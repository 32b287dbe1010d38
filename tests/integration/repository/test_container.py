"""The Containerfile builds from what is there, from the lock, and into an image that is not root's."""

import json
import re
import subprocess
import sysconfig
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from tests.integration.repository import ROOT

FILE = ROOT / "Containerfile"
CONTINUED = re.compile(r"\\\n(?:\s*#.*\n)*")


def instructions() -> list[tuple[str, str]]:
    """Each instruction with its arguments, as one line."""
    text = CONTINUED.sub("", FILE.read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    return found[max(number for number, (name, _) in enumerate(found) if name == "FROM") :]


def value(name: str) -> str:
    (rest,) = (rest for found, rest in last_stage() if found == name)
    return rest


def copied() -> list[str]:
    """What is copied from this folder."""
    sources = [rest.split()[:-1] for name, rest in instructions() if name == "COPY" and "--from=" not in rest]
    return [source for each in sources for source in each]


def is_sent(path: str) -> bool:
    """Whether .dockerignore leaves a path to the builder: the last rule that fits decides."""
    sent = True
    for rule in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = rule.removeprefix("!")
        if rule and not rule.startswith("#") and (fnmatch(path, pattern) or path.startswith(f"{pattern}/")):
            sent = rule.startswith("!")
    return sent


def test_what_is_copied_is_there_and_is_sent_to_the_builder() -> None:
    assert {"watcher", "requirements/run.txt"} <= set(copied())
    assert [path for path in copied() if not (ROOT / path).exists() or not is_sent(path)] == []


def test_what_the_wheel_is_made_of_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"]}
    assert needed - set(copied()) == set()


@pytest.mark.parametrize("path", ["config/compose/secrets/database_url", ".git/config", ".venv/bin/python", "a.db"])
def test_secrets_and_history_are_not_sent_to_the_builder(path: str) -> None:
    assert not is_sent(path)


def test_what_it_installs_is_what_the_lock_names() -> None:
    installs = [
        part for name, rest in instructions() if name == "RUN" for part in re.split(r"&&|;", rest) if "/pip " in part
    ]
    assert len(installs) == 4
    assert all("--require-hashes" in one or "--no-index" in one for one in installs)
    assert "--requirement requirements/run.txt" in installs[0]
    assert not any(re.search(r"pip\s+install|apt-get", rest) for name, rest in last_stage() if name == "RUN")


def test_it_runs_as_a_number_that_is_not_root() -> None:
    user, group = value("USER").split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert json.loads(value("ENTRYPOINT")) == ["invoice-watcher"], "a shell would keep SIGTERM to itself"
    assert json.loads(value("CMD")) == ["run"]


def test_the_base_can_be_chosen() -> None:
    assert {rest.partition(" ")[0] for name, rest in instructions() if name == "FROM"} == {"${BASE}"}


def test_the_compose_file_checks_health_as_the_image_does() -> None:
    options, _, command = value("HEALTHCHECK").partition(" CMD ")
    replica = yaml.safe_load((ROOT / "config" / "compose.yaml").read_text("utf-8"))["services"]["blue"]
    _, *words = replica["healthcheck"]["test"]
    assert [word.strip().replace('"', "'") for word in words] == json.loads(command)
    times = {name: str(replica["healthcheck"][name.replace("-", "_")]) for name in re.findall(r"--([a-z-]+)=", options)}
    assert times == dict(re.findall(r"--([a-z-]+)=(\w+)", options))


def test_a_linter_has_nothing_to_say() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    run = subprocess.run([hadolint, FILE], capture_output=True, text=True, check=False)  # noqa: S603 -- fixed words
    assert (run.returncode, run.stdout) == (0, "")
