"""The setting of the demo: a configuration in a temporary folder, and the real service run with it."""

import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL

import anyio
from anyio.abc import Process

_STOP_SECONDS = 10
_LOG_LINES = 15


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write texts by relative path, readable by their owner only: some are secrets."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")


@asynccontextmanager
async def service(configuration: Path, log: Path) -> AsyncGenerator[Process]:
    """`invoice-watcher run` as a process of its own; asked to stop at the end, and killed if it does not."""
    arguments = [sys.executable, "-m", "watcher", "run", "--config", str(configuration)]
    with log.open("wb") as output:
        # A session of its own: Ctrl-C is for the demo, which then stops the service in order.
        process = await anyio.open_process(
            arguments, stdin=DEVNULL, stdout=DEVNULL, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            await stop(process)
            await process.aclose()


async def stop(process: Process) -> int:
    """SIGTERM, then the exit code; SIGKILL if that takes too long."""
    if process.returncode is None:
        process.terminate()
    with anyio.move_on_after(_STOP_SECONDS, shield=True):
        return await process.wait()
    process.kill()
    return await process.wait()


def last_lines(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:])
