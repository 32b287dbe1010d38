"""The demo as a user runs it: a process, which starts the service as another."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from watcher.core.invoices.event import EventType
from watcher.sandbox.lives import DEMO_PROVIDERS, HINTED_LIVES, lives_of

pytestmark = pytest.mark.timeout(150)

NEVER_IN_THE_DEMO = {"invoice.reopened"}


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    """With temporary files below `folder`, so that what is left behind is seen."""
    paths = {"TMPDIR": str(folder), "HOME": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(  # noqa: S603 -- our own program
        [sys.executable, "-m", "watcher", "demo", *options],
        env={"PATH": os.environ["PATH"], **paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def service_pids(folder: Path) -> list[int]:
    """The services that run on a configuration below this folder."""
    pids: list[int] = []
    for commandline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = commandline.read_text().split("\0")
        except OSError:
            continue
        if "run" in arguments and any(argument.startswith(str(folder)) for argument in arguments):
            pids.append(int(commandline.parent.name))
    return pids


def test_the_demo_plays_every_life_and_loses_nothing(tmp_path: Path) -> None:
    with start(tmp_path, "--json") as demo:
        out, err = demo.communicate(timeout=120)

    bodies: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    recorded = Counter(body["type"] for body in bodies)
    assert demo.returncode == 0, err
    assert recorded["invoice.tracked"] == len(lives_of(DEMO_PROVIDERS) + HINTED_LIVES)
    assert {event_type.value for event_type in EventType if event_type.value.startswith("invoice.")} - set(
        recorded
    ) == NEVER_IN_THE_DEMO
    assert f"{len(bodies)} events sent, {len(bodies)} received and verified, 0 lost, 0 duplicates" in err
    assert "hinted: polls are an hour apart there, and yet its 2 changes were found within " in err
    assert {body["data"]["invoice"]["status"] for body in bodies} >= {
        "draft", "open", "partially_paid", "paid", "void", "uncollectible", "deleted",
    }  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_the_demo_plays_the_providers_that_are_named(tmp_path: Path) -> None:
    named = ["stripe", "lago", "chargebee"]
    with start(tmp_path, *(word for name in named for word in ("--provider", name))) as demo:
        out, err = demo.communicate(timeout=120)

    lines = out.splitlines()
    assert demo.returncode == 0, err
    for name in named:
        assert sum(f"at the provider               {name} " in line for line in lines) == sum(
            len(life.steps) for life in lives_of([name])
        )
        assert [line for line in lines if line.startswith(f"  {name} ")], "it says where its sandbox is"
    shown = [line.split() for line in lines if line.startswith(tuple(f"{name} " for name in named))]
    assert len(shown) == len(lives_of(named))
    assert all(row[-1] == row[-2] != "0" for row in shown), "all that was sent for an invoice was received"
    assert " 0 lost, 0 duplicates" in out


def test_a_provider_that_the_sandbox_does_not_play_is_named_with_those_it_does(tmp_path: Path) -> None:
    with start(tmp_path, "--provider", "stripes") as demo:
        _, err = demo.communicate(timeout=60)

    assert (demo.returncode, "did you mean 'stripe'?" in err, "Traceback" in err) == (1, True, False)


def test_an_interrupted_demo_stops_its_service_and_leaves_nothing(tmp_path: Path) -> None:
    with start(tmp_path) as demo:
        assert demo.stdout is not None
        first = next(line for line in demo.stdout if "invoice.tracked" in line)
        running = service_pids(tmp_path)
        demo.send_signal(signal.SIGINT)
        _, err = demo.communicate(timeout=60)

    assert "verified" in first
    assert len(running) == 1
    assert (demo.returncode, "Traceback" in err) == (130, False)
    assert service_pids(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
