"""Tasks that outlive the attempt they were started for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

JobT = TypeVar("JobT")


@dataclass(slots=True, eq=False)
class _Waiting(Generic[JobT]):
    """A worker without a job. Given None, it ends."""

    job: JobT | None = None
    woken: anyio.Event = field(default_factory=anyio.Event)


class Workers(Generic[JobT]):
    """Does each job at once, in a task that waits for one, or in a new task if none does.

    A new task for each attempt costs a fifth of its POST.
    """

    def __init__(self, group: TaskGroup, work: Callable[[JobT], Awaitable[None]]) -> None:
        self._group = group
        self._work = work
        self._waiting: list[_Waiting[JobT]] = []
        self._is_closed = False

    def start(self, job: JobT) -> None:
        if not self._waiting:
            self._group.start_soon(self._run, job)
            return
        worker = self._waiting.pop()
        worker.job = job
        worker.woken.set()

    def close(self) -> None:
        """End the tasks that wait for a job now, and the others when they have done theirs."""
        self._is_closed = True
        for worker in self._waiting:
            worker.woken.set()
        self._waiting.clear()

    async def _run(self, job: JobT) -> None:
        await self._work(job)
        while not self._is_closed:
            worker = _Waiting[JobT]()
            self._waiting.append(worker)
            await worker.woken.wait()
            if worker.job is None:
                return
            await self._work(worker.job)
