"""The routes of hints: every answer, and what bounds a request."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

import anyio
import pytest
from aiohttp import ClientSession, web
from yarl import URL

from tests.fakes.clock import FakeClock
from watcher.ports import HintOutcome, HintReceipt, HintRequest
from watcher.web import HintRoutes, hint_application, hints, serving

MEBIBYTE = 1 << 20


@dataclass
class Intake:
    """Takes hints for `acme`, and gives the receipt that a test wants."""

    receipt: HintReceipt = field(default_factory=lambda: HintReceipt(HintOutcome.ACCEPTED))
    limit: HintReceipt | None = None
    taken: list[HintRequest] = field(default_factory=list[HintRequest])
    busy: int = 0
    busiest: int = 0
    free: anyio.Event | None = None

    def takes(self, source: str) -> bool:
        return source == "acme"

    def limited(self, source: str) -> HintReceipt | None:
        assert source == "acme"
        return self.limit

    async def take(self, source: str, request: HintRequest) -> HintReceipt:
        assert source == "acme"
        self.taken.append(request)
        self.busy += 1
        self.busiest = max(self.busy, self.busiest)
        if self.free is not None:
            await self.free.wait()
        self.busy -= 1
        return self.receipt


@dataclass
class Door:
    intake: Intake
    address: str
    client: ClientSession

    async def post(self, body: object = b"{}", path: str = "/hints/acme", **headers: str) -> tuple[int, dict[str, str]]:
        async with self.client.post(URL(self.address + path, encoded=True), data=body, headers=headers) as response:
            text = await response.text()
            document: dict[str, str] = json.loads(text) if text else {}
            assert response.headers["Server"] == "invoice-watcher"
            if response.status >= 400:
                assert response.content_type == "application/problem+json"
            return response.status, {**document, "retry": response.headers.get("Retry-After", "")}


@pytest.fixture(name="door")
async def fixture_door() -> AsyncGenerator[Door]:
    intake = Intake()
    app: web.Application = hint_application(HintRoutes(intake, FakeClock(), lambda: "https://hooks.example.com/"))
    async with serving(app, "127.0.0.1", 0) as address, ClientSession() as client:
        yield Door(intake, f"http://{address}", client)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (HintOutcome.ACCEPTED, 202),
        (HintOutcome.IGNORED, 202),
        (HintOutcome.REFUSED, 401),
        (HintOutcome.UNREADABLE, 400),
        (HintOutcome.UNSTORED, 503),
    ],
)
async def test_every_outcome_has_its_answer(door: Door, outcome: HintOutcome, status: int) -> None:
    door.intake.receipt = HintReceipt(outcome, "what is wrong" if outcome is HintOutcome.UNREADABLE else None)
    answered, document = await door.post()
    assert answered == status
    assert document.get("detail") == ("what is wrong" if outcome is HintOutcome.UNREADABLE else None)


async def test_a_hint_beyond_the_limit_is_not_read(door: Door) -> None:
    door.intake.limit = HintReceipt(HintOutcome.LIMITED, retry_after=1)
    status, document = await door.post()
    assert (status, document["retry"], door.intake.taken) == (429, "1", [])


async def test_the_request_is_passed_on_as_it_came_with_the_public_address(door: Door) -> None:
    await door.post(b'{"a": 1}', "/hints/acme?x=%2F", **{"X-ChargeOver-Key": "key"})
    (request,) = door.intake.taken
    assert (request.url, request.body) == ("https://hooks.example.com/hints/acme?x=%2F", b'{"a": 1}')
    assert request.headers["x-chargeover-key"] == "key"


async def test_other_names_are_told_nothing(door: Door) -> None:
    assert (await door.post(path="/hints/other"))[0] == 404
    assert door.intake.taken == []


async def pieces(size: int, pause: float = 0) -> AsyncIterator[bytes]:
    for _ in range(16):
        yield b" " * (size // 16)
        await anyio.sleep(pause)


@pytest.mark.parametrize(("size", "status"), [(MEBIBYTE, 202), (MEBIBYTE + 16, 413)])
async def test_a_body_without_a_length_is_bounded_too(door: Door, size: int, status: int) -> None:
    assert (await door.post(pieces(size)))[0] == status


async def test_a_body_that_drips_is_given_up(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "_READ_SECONDS", 0.2)
    status, document = await door.post(pieces(1600, pause=0.1))
    assert (status, document["detail"]) == (408, "the body did not come within 0.2 seconds")


async def test_only_so_many_are_read_at_once(door: Door) -> None:
    door.intake.free = anyio.Event()
    statuses: list[int] = []

    async def send() -> None:
        statuses.append((await door.post())[0])

    async with anyio.create_task_group() as group:
        for _ in range(90):
            group.start_soon(send)
        with anyio.fail_after(20):
            while door.intake.busy < 64:  # noqa: ASYNC110 -- the server's side of it
                await anyio.sleep(0.01)
        await anyio.sleep(0.2)
        door.intake.free.set()
    assert (set(statuses), door.intake.busiest) == ({202}, 64)
