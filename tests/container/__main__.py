"""Runs a built image as a production would, and prints what was seen. Needs podman or docker: `make container`."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

CONFINED = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--tmpfs=/tmp")
START_SECONDS = 120
CONFIG = """\
[database]
url = "sqlite:////var/lib/invoice-watcher/invoice-watcher.db"
[http]
listen = "0.0.0.0:8480"
token = { file = "token" }
"""


class Engine:
    def __init__(self, program: str, image: str) -> None:
        self._program = program
        self._image = image

    def __call__(self, *words: str, check: bool = True, with_errors: bool = False) -> str:
        errors = subprocess.STDOUT if with_errors else subprocess.PIPE
        run = subprocess.run([self._program, *words], stdout=subprocess.PIPE, stderr=errors, text=True, check=False)  # noqa: S603 -- the operator named it
        if check and run.returncode != 0:
            sys.exit(f"{self._program} {' '.join(words)}\n{run.stdout}{run.stderr or ''}")
        return run.stdout.strip()

    def once(self, *words: str, entrypoint: str | None = None) -> str:
        other = () if entrypoint is None else (f"--entrypoint={entrypoint}",)
        return self("run", "--rm", *CONFINED, *other, self._image, *words)

    @contextmanager
    def running(self, folder: Path) -> Generator[str]:
        """The service with a volume of its own; gives the name of its container."""
        volume = self("volume", "create").splitlines()[0]
        mounts = (f"--volume={folder}:/etc/invoice-watcher:ro", f"--volume={volume}:/var/lib/invoice-watcher")
        container = self("run", "--detach", *CONFINED, *mounts, "--publish=127.0.0.1::8480", self._image).split()[-1]
        try:
            yield container
        finally:
            self("rm", "--force", "--volumes", container)
            self("volume", "rm", volume, check=False)


def ready_after(address: str, began: float) -> float:
    """Seconds from a start to the first answer of a service that is ready."""
    while time.monotonic() < began + START_SECONDS:
        try:
            with urlopen(f"http://{address}/readyz", timeout=5) as answer:
                if json.load(answer)["status"] == "ready":
                    return time.monotonic() - began
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    sys.exit(f"not ready after {START_SECONDS} s")


def expect(claim: bool, saying: str) -> None:  # noqa: FBT001 -- reads as a sentence
    if not claim:
        sys.exit(f"FAILED: {saying}")


def service(engine: Engine, folder: Path) -> None:
    began = time.monotonic()
    with engine.running(folder) as container:
        address = engine("port", container, "8480").splitlines()[0]
        print(f"ready after           {ready_after(address, began):.1f} s")
        user = engine("exec", container, "sh", "-c", "echo $(id -u):$(id -g) $(cat /proc/1/comm)")
        print(f"first process         {user}")
        expect(user.startswith("10001:10001 "), "the process is not that of USER")
        refused = engine("exec", container, "sh", "-c", "touch /etc/invoice-watcher/x /opt/x 2>&1 || true")
        expect(refused.count("Read-only file system") == 2, f"something can be written: {refused}")
        health = json.loads(engine("inspect", container))[0]["Config"]["Healthcheck"]["Test"]
        engine("exec", container, *health[1:])
        print("health check          0")
        began = time.monotonic()
        engine("stop", "--time=30", container)
        code = engine("inspect", "--format={{.State.ExitCode}}", container)
        print(f"stopped by SIGTERM    exit code {code} after {time.monotonic() - began:.1f} s")
        expect(
            code == "0" and "service.stopped" in engine("logs", container, with_errors=True),
            "it did not stop by itself",
        )


def main(program: str, image: str) -> None:
    engine = Engine(program, image)
    size = int(engine("image", "inspect", "--format={{.Size}}", image))
    print(f"image                 {image}, {size / 1e6:.0f} MB")
    print(f"version               {engine.once('--version')}")
    found = "command -v pip pip3 gcc cc make; python3 -m pip --version 2>&1 || true"
    tools = engine.once("-c", found, entrypoint="sh").splitlines()
    expect(len(tools) == 1 and tools[0].endswith("No module named pip"), f"the image has tools to build: {tools}")
    print("pip and compilers     none")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "watcher.toml").write_text(CONFIG)
        (folder / "token").write_text("t" * 32)
        service(engine, folder)
    (line,) = (line for line in engine.once("demo").splitlines() if " sent, " in line)
    print(f"demo                  {line}")
    expect(" 0 lost, 0 duplicates" in line, "the demo lost or doubled something")


if __name__ == "__main__":
    main(*sys.argv[1:])
