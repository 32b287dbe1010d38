"""Run by the Python of `.venv-peers`: delivers webhooks with procrastinate and aiohttp, and prints how many a second.

    python peers_queue.py DATABASE_URL RECEIVER_URL COUNT BODY_BYTES CONCURRENCY

As its documentation has it: a task that is a coroutine, deferred in batches, and one worker with `concurrency`. Tasks
carry the body, as an outbox does; the session is one for all. Retries are on, and none is needed here.
"""

# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportFunctionMemberAccess=false, reportUntypedFunctionDecorator=false, reportUnknownArgumentType=false

import asyncio
import sys
import time

import aiohttp
from procrastinate import App, PsycopgConnector, RetryStrategy

_BATCH = 500


async def deliver_all(database: str, receiver: str, count: int, body: str, concurrency: int) -> float:
    """Deliveries per second, from the start of the worker until no job is left."""
    app = App(connector=PsycopgConnector(conninfo=database, max_size=concurrency))
    async with (
        app.open_async(),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session,
    ):

        @app.task(name="deliver", retry=RetryStrategy(max_attempts=10, exponential_wait=5))
        async def deliver(url: str, body: str) -> None:
            async with session.post(url, data=body.encode()) as response:
                response.raise_for_status()

        await app.schema_manager.apply_schema_async()
        for start in range(0, count, _BATCH):
            jobs = [{"url": receiver, "body": body} for _ in range(min(_BATCH, count - start))]
            await deliver.batch_defer_async(*jobs)
        began = time.perf_counter()
        await app.run_worker_async(concurrency=concurrency, wait=False, install_signal_handlers=False)
        return count / (time.perf_counter() - began)


if __name__ == "__main__":
    url, to, many, size, at_once = sys.argv[1:]
    print(asyncio.run(deliver_all(url, to, int(many), "x" * int(size), int(at_once))))
