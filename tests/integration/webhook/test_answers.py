import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.receiver import answering, receiving
from tests.integration.webhook.conftest import ATTEMPT, LEDGER, send_once, sending_to
from watcher.clock import SystemClock
from watcher.ports import Outcome
from watcher.webhook import Fault, WebhookSender
from watcher.webhook.response import LONGEST_RETRY_AFTER, retry_after

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ((200, 201, 202, 204, 299), Outcome.DELIVERED),
        ((300, 301, 302, 303, 304, 307, 308), Outcome.RETRY),
        ((408, 425, 429, 500, 502, 503, 504, 599), Outcome.RETRY),
        ((400, 401, 403, 404, 405, 409, 413, 422, 451), Outcome.REJECTED),
        ((410,), Outcome.GONE),
    ],
)
async def test_each_status_has_its_outcome(statuses: tuple[int, ...], outcome: Outcome) -> None:
    for status in statuses:
        receipt = await send_once(answering(status))
        assert (receipt.outcome, receipt.status) == (outcome, status)
        assert receipt.error == (Fault.REDIRECT if 300 <= status <= 399 else None)


async def test_a_redirect_is_not_followed() -> None:
    async with receiving(answering()) as elsewhere:
        receipt = await send_once(answering(307, headers=(f"Location: {elsewhere.url()}",)))
    assert (receipt.outcome, receipt.error) == (Outcome.RETRY, Fault.REDIRECT)
    assert elsewhere.connections == 0


async def test_a_receipt_reports_who_answered_what_and_how_long_it_took() -> None:
    async with sending_to(answering(500, b"no \x1b[31mred\x00 \xff thanks\n")) as (sender, receiver):
        receipt = await sender.send(ATTEMPT)
    assert receipt.peer == f"127.0.0.1:{receiver.port}"
    assert receipt.response == "no \ufffd[31mred\ufffd \ufffd thanks\n"
    assert timedelta(0) < receipt.duration < timedelta(seconds=5)


async def test_of_a_long_answer_the_first_four_kilobytes_are_kept() -> None:
    receipt = await send_once(answering(200, b"x" * 10_000))
    assert receipt.response == "x" * 4096


async def test_responses_are_not_kept_where_they_are_turned_off() -> None:
    receipt = await send_once(answering(200, b"secret"), replace(LEDGER, keeps_responses=False))
    assert receipt.response is None


@pytest.mark.parametrize("status", [429, 503, 408])
async def test_retry_after_in_seconds_is_read(status: int) -> None:
    receipt = await send_once(answering(status, headers=("Retry-After: 120",)))
    assert receipt.retry_after == timedelta(minutes=2)


async def test_retry_after_as_a_date_is_read() -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    receipt = await send_once(answering(503, headers=(f"Retry-After: {format_datetime(at, usegmt=True)}",)))
    assert receipt.retry_after is not None
    assert timedelta(minutes=59) < receipt.retry_after <= timedelta(hours=1)


@pytest.mark.parametrize("status", [200, 400, 410])
async def test_retry_after_means_nothing_where_nothing_is_retried_soon(status: int) -> None:
    assert (await send_once(answering(status, headers=("Retry-After: 120",)))).retry_after is None


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("0", timedelta(0)),
        ("60", timedelta(minutes=1)),
        ("9" * 400, LONGEST_RETRY_AFTER),
        ("Sun, 22 Nov 2026 10:30:00 GMT", timedelta(minutes=30)),
        ("Sun, 22 Nov 2026 09:30:00 GMT", timedelta(0)),
        ("Sun, 22 Nov 2026 10:30:00 -0000", timedelta(minutes=30)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_AFTER),
        *((text, None) for text in ("", "-1", "1.5", "soon", "١٢", "Sun, 99 Nov 2026 10:30:00 GMT", "1e3")),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(header: str, wait: timedelta | None) -> None:
    assert retry_after(header, NOW) == wait


@given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [+-]?\w+"))
def test_no_retry_after_header_upsets_the_reader(header: str) -> None:
    wait = retry_after(header, NOW)
    assert wait is None or timedelta(0) <= wait <= LONGEST_RETRY_AFTER


class NoNames(AbstractResolver):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        raise OSError(socket.EAI_NONAME, f"{host} {port} {family} is not known")

    async def close(self) -> None:
        return None


async def test_a_name_that_does_not_resolve_is_retried() -> None:
    target = replace(LEDGER, url="https://nowhere.example/")
    async with WebhookSender({"ledger": target}, SystemClock(), resolver=NoNames()) as sender:
        receipt = await sender.send(ATTEMPT)
    assert (receipt.outcome, receipt.error) == (Outcome.RETRY, Fault.DNS)


async def test_a_refused_connection_is_retried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    receipt = await send_once(answering(), replace(LEDGER, url=f"http://127.0.0.1:{port}/"))
    assert (receipt.outcome, receipt.error) == (Outcome.RETRY, Fault.CONNECT)


def _contexts(authority: trustme.CA, certificate: trustme.LeafCert) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    ours, theirs = ssl.create_default_context(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.configure_trust(ours)  # pyright: ignore[reportUnknownMemberType] pyOpenSSL's contexts are untyped
    certificate.configure_cert(theirs)  # pyright: ignore[reportUnknownMemberType] same
    return ours, theirs


async def test_tls_with_a_trusted_certificate_delivers(authority: trustme.CA) -> None:
    ours, theirs = _contexts(authority, authority.issue_cert("127.0.0.1"))
    async with receiving(answering(), theirs) as receiver:
        targets = {"ledger": replace(LEDGER, url=receiver.url("https"))}
        async with WebhookSender(targets, SystemClock(), tls=ours) as sender:
            receipts = [await sender.send(ATTEMPT) for _ in range(3)]
    assert [receipt.outcome for receipt in receipts] == [Outcome.DELIVERED] * 3
    assert receiver.connections == 1


@pytest.mark.parametrize("flaw", ["another name", "expired", "untrusted"])
async def test_a_bad_certificate_is_a_tls_fault_and_gets_no_request(authority: trustme.CA, flaw: str) -> None:
    issuer = trustme.CA() if flaw == "untrusted" else authority
    name = "other.example" if flaw == "another name" else "127.0.0.1"
    not_after = datetime(2020, 1, 1, tzinfo=UTC) if flaw == "expired" else None
    not_before = datetime(2019, 1, 1, tzinfo=UTC) if flaw == "expired" else None
    ours, theirs = _contexts(authority, issuer.issue_cert(name, not_after=not_after, not_before=not_before))
    async with receiving(answering(), theirs) as receiver:
        targets = {"ledger": replace(LEDGER, url=receiver.url("https"))}
        async with WebhookSender(targets, SystemClock(), tls=ours) as sender:
            receipt = await sender.send(ATTEMPT)
    assert (receipt.outcome, receipt.error) == (Outcome.RETRY, Fault.TLS)
    assert receiver.requests == []
    words = {"another name": "mismatch", "expired": "has expired", "untrusted": "issuer certificate"}
    assert words[flaw] in (receipt.detail or "")


async def test_a_port_that_does_not_speak_tls_is_a_tls_fault() -> None:
    async with receiving(answering()) as receiver:
        receipt = await send_once(answering(), replace(LEDGER, url=receiver.url("https")))
    assert receipt.outcome is Outcome.RETRY
    assert receipt.error in {Fault.TLS, Fault.TIMEOUT}
