import anyio

from watcher.delivery.workers import Workers


class Jobs:
    """Jobs that end when they are told to, and who did each."""

    def __init__(self) -> None:
        self.ends = {name: anyio.Event() for name in "abcd"}
        self.done: dict[str, int] = {}

    async def work(self, name: str) -> None:
        await self.ends[name].wait()
        self.done[name] = anyio.get_current_task().id


async def test_jobs_that_hang_hold_back_no_other_and_a_task_that_is_free_does_the_next() -> None:
    jobs = Jobs()
    async with anyio.create_task_group() as group:
        workers = Workers(group, jobs.work)
        workers.start("a")
        workers.start("b")
        jobs.ends["b"].set()
        await anyio.wait_all_tasks_blocked()
        workers.start("c")
        workers.start("d")
        jobs.ends["c"].set()
        jobs.ends["d"].set()
        await anyio.wait_all_tasks_blocked()
        assert list(jobs.done) == ["b", "c", "d"]
        assert jobs.done["c"] == jobs.done["b"] != jobs.done["d"]
        jobs.ends["a"].set()
        workers.close()


async def test_closed_workers_finish_what_they_began_and_end() -> None:
    jobs = Jobs()
    with anyio.fail_after(1):
        async with anyio.create_task_group() as group:
            workers = Workers(group, jobs.work)
            workers.start("a")
            workers.start("b")
            jobs.ends["a"].set()
            await anyio.wait_all_tasks_blocked()
            workers.close()
            jobs.ends["b"].set()
    assert sorted(jobs.done) == ["a", "b"]
