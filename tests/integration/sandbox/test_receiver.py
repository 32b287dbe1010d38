import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import anyio
import pytest
import standardwebhooks
import svix

from tests.fakes.clock import START
from tests.integration.sandbox.caller import MovableClock
from watcher.sandbox import DEMO_SECRET, Delivery, Receiver

OTHER_SECRET = "whsec_" + base64.b64encode(b"another secret of 24 bytes").decode()
BODY = json.dumps({"type": "invoice.paid", "data": {"note": "paid in full: merci, à bientôt"}}, ensure_ascii=False)


def signed(
    secret: str = DEMO_SECRET, *, event_id: str = "evt_1", at: datetime = START, body: str = BODY
) -> dict[str, str]:
    signature = standardwebhooks.Webhook(secret).sign(event_id, at, body)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }


@pytest.fixture
async def receiver(clock: MovableClock) -> AsyncIterator[Receiver]:
    async with Receiver(clock=clock) as receiver:
        yield receiver


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def post(
    session: aiohttp.ClientSession, receiver: Receiver, headers: dict[str, str], *, body: str = BODY, path: str = "/"
) -> int:
    async with session.post(receiver.url(path), data=body.encode(), headers=headers) as response:
        return response.status


async def test_what_standardwebhooks_signs_verifies(receiver: Receiver, session: aiohttp.ClientSession) -> None:
    assert await post(session, receiver, signed(), path="/hooks/a") == 204
    (delivery,) = receiver.deliveries
    assert (delivery.id, delivery.type, delivery.verified) == ("evt_1", "invoice.paid", True)
    assert (delivery.body, delivery.path, delivery.duplicate) == (BODY.encode(), "/hooks/a", False)


async def test_what_svix_signs_verifies(receiver: Receiver, session: aiohttp.ClientSession) -> None:
    headers = {**signed(), "webhook-signature": svix.Webhook(DEMO_SECRET).sign("evt_1", START, BODY)}
    assert await post(session, receiver, headers) == 204
    assert [delivery.verified for delivery in receiver.deliveries] == [True]


async def test_one_right_signature_among_several_is_enough_for_any_known_secret(
    clock: MovableClock, session: aiohttp.ClientSession
) -> None:
    both = f"v1a,xyz {signed(OTHER_SECRET)['webhook-signature']} {signed()['webhook-signature']}"
    for secrets in ((DEMO_SECRET,), (OTHER_SECRET,), ("whsec_AAAA", OTHER_SECRET)):
        async with Receiver(secrets, clock=clock) as receiver:
            assert await post(session, receiver, {**signed(), "webhook-signature": both}) == 204


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "evt_2"},
        {"webhook-timestamp": str(int(START.timestamp()) + 1)},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "²"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": signed(OTHER_SECRET)["webhook-signature"]},
        {"webhook-signature": signed()["webhook-signature"].replace("v1,", "v2,")},
        {"webhook-signature": signed(body=BODY + " ")["webhook-signature"]},
    ],
)
async def test_anything_wrong_is_refused_and_noted_as_not_verified(
    receiver: Receiver, session: aiohttp.ClientSession, change: dict[str, str]
) -> None:
    assert await post(session, receiver, {**signed(), **change}) == 401
    assert [delivery.verified for delivery in receiver.deliveries] == [False]
    assert receiver.verified == []


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_a_missing_header_is_refused(receiver: Receiver, session: aiohttp.ClientSession, name: str) -> None:
    headers = {key: value for key, value in signed().items() if key != name}
    assert await post(session, receiver, headers) == 401


async def test_a_timestamp_may_be_five_minutes_off_and_no_more(
    receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    statuses = [
        await post(session, receiver, signed(at=START + timedelta(seconds=seconds)))
        for seconds in (-300, 300, -301, 301)
    ]
    assert statuses == [204, 204, 401, 401]


async def test_a_second_arrival_is_a_duplicate_only_after_the_first_was_accepted_on_that_path(
    receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    receiver.answer_next(500, times=2)
    statuses = [await post(session, receiver, signed()) for _ in range(4)]
    statuses.append(await post(session, receiver, signed(), path="/other"))
    assert statuses == [500, 500, 204, 204, 204]
    assert [delivery.duplicate for delivery in receiver.deliveries] == [False, False, False, True, False]


async def test_the_callback_hears_of_each_delivery_in_order(
    clock: MovableClock, session: aiohttp.ClientSession
) -> None:
    heard: list[str] = []

    async def hear(delivery: Delivery) -> None:
        await anyio.lowlevel.checkpoint()
        heard.append(delivery.id)

    async with Receiver(clock=clock, on_delivery=hear) as receiver:
        for event_id in ("evt_1", "evt_2"):
            await post(session, receiver, signed(event_id=event_id))
        assert heard == [delivery.id for delivery in receiver.deliveries] == ["evt_1", "evt_2"]


async def test_a_plain_callback_serves_too_and_a_body_that_is_no_json_has_no_type(
    clock: MovableClock, session: aiohttp.ClientSession
) -> None:
    heard: list[Delivery] = []
    async with Receiver(clock=clock, on_delivery=heard.append) as receiver:
        assert await post(session, receiver, signed(body="[1]"), body="[1]") == 204
        assert await post(session, receiver, signed(body="{"), body="{") == 204
    assert [delivery.type for delivery in heard] == ["", ""]


async def test_a_hanging_receiver_takes_the_body_and_answers_only_when_it_closes(clock: MovableClock) -> None:
    arrived = anyio.Event()
    statuses: list[int] = []

    async def hang(session: aiohttp.ClientSession, receiver: Receiver) -> None:
        statuses.append(await post(session, receiver, signed()))

    async with (
        aiohttp.ClientSession() as session,
        anyio.create_task_group() as tasks,
        Receiver(clock=clock, on_delivery=lambda _: arrived.set()) as receiver,
    ):
        receiver.hang_next()
        tasks.start_soon(hang, session, receiver)
        await arrived.wait()
        assert [delivery.verified for delivery in receiver.deliveries] == [True]
        assert await post(session, receiver, signed(event_id="evt_2")) == 204
        assert statuses == []
    assert statuses == [503]


async def test_the_demo_secret_is_one_that_senders_accept() -> None:
    key = base64.b64decode(DEMO_SECRET.removeprefix("whsec_"))
    assert 24 <= len(key) <= 64
    assert START.tzinfo is UTC
