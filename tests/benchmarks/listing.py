"""How long `watch list` takes over many watches into a pipe, and until its first line, beside a bare start."""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONFIGURATION = '[sources.acme]\nprovider = "meteroid"\napi_key = { file = "key" }\n'


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--watches", type=int, default=200_000)
    watches: int = parser.parse_args().watches
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "watcher.toml").write_text(CONFIGURATION)
        (folder / "key").write_text("k")
        rows = "".join(f"acme,inv_{number:07}\n" for number in range(watches))
        (folder / "all.csv").write_text(f"source,invoice_id\n{rows}")
        _seconds(folder, "watch", "import", str(folder / "all.csv"))
        print(f"{watches} watches")
        print(f"a bare start (sources)          {_seconds(folder, 'sources')[0]:6.2f} s")
        for form in ((), ("--json",)):
            whole, first = _seconds(folder, "watch", "list", *form)
            print(f"watch list {' '.join(form):7}             {whole:6.2f} s, first line after {first:.2f} s")


def _seconds(folder: Path, *arguments: str) -> tuple[float, float]:
    """Until the end, and until the first line."""
    began = time.monotonic()
    command = [sys.executable, "-m", "watcher", *arguments, "--config", str(folder / "watcher.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 -- our own program
        assert process.stdout
        process.stdout.readline()
        first = time.monotonic() - began
        for _ in process.stdout:
            pass
    if process.returncode:
        raise SystemExit(process.returncode)
    return time.monotonic() - began, first


if __name__ == "__main__":
    main()
