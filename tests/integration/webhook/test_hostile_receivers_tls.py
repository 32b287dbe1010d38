"""What a hostile receiver can do to an attempt, it can do over TLS; and some of it only there."""

import asyncio
import select
import socket
import ssl
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from tests.fakes.receiver import (
    Script,
    answering,
    dripping,
    receiving,
    silent,
    then_closing,
    then_resetting,
    writing,
)
from tests.integration.webhook.conftest import ATTEMPT
from tests.integration.webhook.test_hostile_receivers import BOMB, CHUNK, IMPATIENT, MEGABYTE, OK, measured
from watcher.clock import SystemClock
from watcher.ports import Outcome, Receipt
from watcher.webhook import Fault, WebhookSender

Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


def contexts(trusted: trustme.CA, certificate: trustme.LeafCert) -> Contexts:
    ours, theirs = ssl.create_default_context(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trusted.configure_trust(ours)  # pyright: ignore[reportUnknownMemberType] pyOpenSSL's contexts are untyped
    certificate.configure_cert(theirs)  # pyright: ignore[reportUnknownMemberType] same
    return ours, theirs


@pytest.fixture(scope="session")
def good(authority: trustme.CA) -> Contexts:
    return contexts(authority, authority.issue_cert("127.0.0.1"))


async def send(url: str, ours: ssl.SSLContext) -> Receipt:
    async with WebhookSender({"ledger": replace(IMPATIENT, url=url)}, SystemClock(), tls=ours) as sender:
        return await sender.send(ATTEMPT)


async def receipt_of(script: Script, both: Contexts) -> Receipt:
    """One attempt, with the time and memory of every hostile one."""
    ours, theirs = both

    async def attempt() -> Receipt:
        async with receiving(script, theirs) as receiver:
            return await send(receiver.url("https"), ours)

    receipt, seconds, memory = await measured(attempt)
    assert seconds < 4
    assert memory < 8 * MEGABYTE
    return receipt


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(dripping(OK + b"Content-Length: 100000\r\n\r\n", b"x"), id="dripping body"),
        pytest.param(dripping(OK + b"Content-Length: 9999999999\r\n\r\n", CHUNK), id="endless body"),
        pytest.param(answering(200, BOMB, ("Content-Encoding: gzip",)), id="200 MB of gzip"),
        pytest.param(then_resetting(writing(OK + b"Content-Length: 100\r\n\r\nab")), id="reset after 200"),
        pytest.param(then_closing(answering(200, b"short", length=100)), id="body shorter than told"),
    ],
)
async def test_over_tls_too_a_receiver_that_said_200_has_it(script: Script, good: Contexts) -> None:
    receipt = await receipt_of(script, good)
    assert (receipt.outcome, receipt.status) == (Outcome.DELIVERED, 200)


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        pytest.param(silent, Fault.TIMEOUT, id="silence"),
        pytest.param(dripping(OK, b"X-More: and more\r\n" * 100), Fault.BAD_ANSWER, id="endless headers"),
        pytest.param(dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), Fault.TIMEOUT, id="1xx flood"),
        pytest.param(answering(200, b"longer than told", length=3), Fault.BAD_ANSWER, id="body longer than told"),
        pytest.param(then_resetting(writing(b"HTTP/1.1 2")), Fault.DISCONNECTED, id="reset in the status line"),
    ],
)
async def test_over_tls_too_half_an_answer_is_tried_again(script: Script, fault: Fault, good: Contexts) -> None:
    receipt = await receipt_of(script, good)
    assert (receipt.outcome, receipt.error, receipt.status) == (Outcome.RETRY, fault, None)


@pytest.mark.parametrize("flaw", ["another name", "expired", "not yet valid", "unknown authority"])
async def test_a_bad_certificate_costs_little_and_gets_no_request(authority: trustme.CA, flaw: str) -> None:
    issuer = trustme.CA() if flaw == "unknown authority" else authority
    name = "other.example" if flaw == "another name" else "127.0.0.1"
    not_before, not_after = {
        "expired": (datetime(2019, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)),
        "not yet valid": (datetime(2098, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)),
    }.get(flaw, (None, None))
    leaf = issuer.issue_cert(name, not_before=not_before, not_after=not_after)
    requests: list[int] = []

    async def notes(writer: asyncio.StreamWriter) -> None:
        requests.append(1)
        await answering()(writer)

    receipt = await receipt_of(notes, contexts(authority, leaf))
    assert (receipt.outcome, receipt.error, receipt.status) == (Outcome.RETRY, Fault.TLS, None)
    assert requests == []


async def test_a_receiver_that_redirects_to_itself_for_ever_gets_one_request_per_attempt(good: Contexts) -> None:
    ours, theirs = good
    where: list[str] = []

    async def to_itself(writer: asyncio.StreamWriter) -> None:
        await answering(308, headers=(f"Location: {where[0]}",))(writer)

    async with receiving(to_itself, theirs) as receiver:
        where.append(receiver.url("https"))
        receipt = await send(where[0], ours)
    assert (receipt.outcome, receipt.error, receipt.status) == (Outcome.RETRY, Fault.REDIRECT, 308)
    assert len(receiver.requests) == 1


async def test_a_receiver_that_connects_and_never_shakes_hands_costs_no_more_than_the_time_allowed(
    good: Contexts,
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        port: int = mute.getsockname()[1]
        receipt, seconds, _ = await measured(lambda: send(f"https://127.0.0.1:{port}/", good[0]))
    assert (receipt.outcome, receipt.error) == (Outcome.RETRY, Fault.TIMEOUT)
    assert seconds < 4


async def test_a_receiver_that_accepts_late_but_in_time_gets_its_webhook(good: Contexts) -> None:
    ours, theirs = good
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/"
        target = replace(IMPATIENT, url=url, timeout=timedelta(seconds=20))
        async with WebhookSender({"ledger": target}, SystemClock(), tls=ours) as sender:
            sending = asyncio.create_task(sender.send(ATTEMPT))
            await asyncio.to_thread(select.select, [listening], [], [], 10)
            async with receiving(answering(), theirs, listening):
                receipt = await sending
    assert (receipt.outcome, receipt.status) == (Outcome.DELIVERED, 200)
