"""Operations for operators, and the documents that describe the service."""

from http import HTTPStatus

from aiohttp import web

from watcher.core.errors import NotFound
from watcher.core.instants import instant_text
from watcher.ports import Condition
from watcher.web.api.operation import Answer, Call
from watcher.web.api.request_models import Nothing

Plain = Call[Nothing, Nothing]

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus's text format."""


async def alive(call: Plain) -> Answer:
    del call
    return Answer(document={"status": "alive"})


async def ready(call: Plain) -> Answer:
    condition = await call.backend.condition()
    status = HTTPStatus.OK if condition.is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    readiness: dict[str, object] = {"status": "ready" if condition.is_ready else "failing"}
    return Answer(status, readiness | details(condition) if call.caller is not None else readiness)


def details(condition: Condition) -> dict[str, object]:
    held = condition.lists_held_since
    return {
        "config": {
            "state": "stale" if condition.config_problems else "current",
            "errors": list(condition.config_problems),
        },
        "store": {"state": "failing" if condition.store_error else "ok", "error": condition.store_error},
        "loops": {"state": "stalled" if condition.stalled else "ok", "stalled": list(condition.stalled)},
        "clock": {
            "state": "ok" if condition.clock_ahead is None else "distrusted",
            "seconds_ahead": condition.clock_ahead,
        },
        "watchlists": {
            "state": "held" if held else "applied",
            "held_since": None if held is None else instant_text(held),
        },
        "replicas": {
            "state": "differ" if condition.differing else "same",
            "name": condition.replica,
            "differing": list(condition.differing),
        },
    }


async def metrics(call: Plain) -> web.StreamResponse:
    return web.Response(body=await call.backend.metrics(), headers={"Content-Type": METRICS_TYPE})


async def schema(call: Plain) -> Answer:
    name = call.segment("name")
    if name not in call.backend.schemas:
        raise NotFound(f"no schema {name}: there is {', '.join(sorted(call.backend.schemas))}")
    return Answer(document=call.backend.schemas[name]())
