"""Shows how far a benchmark is: a bar on a terminal, nothing elsewhere."""

import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import anyio
from rich.progress import BarColumn, Progress, TextColumn

from watcher.cli.output import console

_REDRAW_SECONDS = 0.2


class Steps:
    """Each step says how long it takes about; the bar moves with time, and waits at the end of a step that is slow."""

    def __init__(self, whole_seconds: float) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        output = console(sys.stderr)
        self._bar = Progress(*columns, console=output, transient=True, disable=not output.is_terminal)
        self._task = self._bar.add_task("", total=whole_seconds)
        self._done = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    @asynccontextmanager
    async def step(self, description: str, seconds: float) -> AsyncGenerator[None]:
        self._bar.update(self._task, description=f"{description:<30}")
        async with anyio.create_task_group() as moving:
            moving.start_soon(self._move, seconds)
            yield
            moving.cancel_scope.cancel()
        self._done += seconds
        self._bar.update(self._task, completed=self._done)

    async def _move(self, seconds: float) -> None:
        began = time.monotonic()
        while True:
            self._bar.update(self._task, completed=self._done + min(time.monotonic() - began, seconds))
            await anyio.sleep(_REDRAW_SECONDS)
