import asyncio
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
import svix.webhooks
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks.webhooks import Webhook

from tests.fakes.receiver import answering, receiving, then_closing
from tests.integration.webhook.conftest import ATTEMPT, BODY, LEDGER, SECRET, send_once, sending_to
from watcher import __version__
from watcher.clock import SystemClock
from watcher.core.webhooks.signature import new_secret
from watcher.ports import Attempt, Outcome
from watcher.webhook import Fault, WebhookSender


async def test_a_webhook_is_the_given_bytes_signed_now_as_both_public_libraries_verify() -> None:
    old = bytes(range(50, 90))
    async with sending_to(answering(204), replace(LEDGER, secrets=(SECRET, old))) as (sender, receiver):
        receipt = await sender.send(ATTEMPT)
    request = receiver.requests[0]
    assert receipt.outcome is Outcome.DELIVERED
    assert request.line == "POST /hooks?a=b HTTP/1.1"
    assert request.body == BODY
    for secret in (SECRET, old):
        Webhook(new_secret(secret)).verify(request.body, request.headers)
        svix.webhooks.Webhook(new_secret(secret)).verify(request.body, request.headers)


async def test_a_webhook_has_exactly_the_headers_it_needs_and_the_configured_ones() -> None:
    async with sending_to(answering(), replace(LEDGER, headers={"X-Tenant": "acme"})) as (sender, receiver):
        await sender.send(ATTEMPT)
    headers = receiver.requests[0].headers
    assert set(headers) - {"accept"} == {
        *("host", "content-length", "content-type", "user-agent", "accept-encoding", "x-tenant"),
        *("webhook-id", "webhook-timestamp", "webhook-signature"),
    }
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == f"invoice-watcher/{__version__}"
    assert headers["accept-encoding"] == "identity"
    assert headers["webhook-id"] == "evt_1"
    assert headers["x-tenant"] == "acme"


async def test_a_configured_header_cannot_replace_one_of_ours() -> None:
    forged = {"webhook-id": "evt_forged", "Content-Type": "text/plain"}
    async with sending_to(answering(), replace(LEDGER, headers=forged)) as (sender, receiver):
        await sender.send(ATTEMPT)
    assert receiver.requests[0].headers["webhook-id"] == "evt_1"
    assert receiver.requests[0].headers["content-type"] == "application/json"


async def test_the_timestamp_is_that_of_the_attempt() -> None:
    before = int(datetime.now(UTC).timestamp())
    async with sending_to(answering()) as (sender, receiver):
        receipt = await sender.send(ATTEMPT)
    sent = int(receiver.requests[0].headers["webhook-timestamp"])
    assert before <= sent <= before + 5
    assert sent == int(receipt.started_at.timestamp())


async def test_connections_are_used_again_after_small_answers() -> None:
    async with sending_to(answering(200, b"ok" * 100)) as (sender, receiver):
        for _ in range(5):
            await sender.send(ATTEMPT)
    assert len(receiver.requests) == 5
    assert receiver.connections == 1


async def test_cookies_are_not_kept() -> None:
    async with sending_to(answering(200, headers=("Set-Cookie: a=b",))) as (sender, receiver):
        await sender.send(ATTEMPT)
        await sender.send(ATTEMPT)
    assert all("cookie" not in request.headers for request in receiver.requests)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(answering(418)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url())
        monkeypatch.setenv("http_proxy", proxy.url())
        assert (await send_once(answering())).status == 200
    assert proxy.connections == 0


@pytest.mark.parametrize("value", ["a\r\nX-Evil: b", "a\nb", "a\0b", "\x7f", "\ud800"])
async def test_a_header_that_cannot_be_sent_is_unsendable_and_nothing_leaves(value: str) -> None:
    async with sending_to(answering(), replace(LEDGER, headers={"X-Tenant": value})) as (sender, receiver):
        receipt = await sender.send(ATTEMPT)
        bad_id = await sender.send(replace(ATTEMPT, event_id="evt_1\r\nX-Evil: b"))
    assert (receipt.outcome, receipt.error) == (Outcome.UNSENDABLE, Fault.UNSENDABLE)
    assert bad_id.outcome is Outcome.UNSENDABLE
    assert receiver.connections == 0


async def test_a_refused_address_is_blocked_before_anything_connects() -> None:
    async with sending_to(answering(), replace(LEDGER, allow_private=())) as (sender, receiver):
        receipt = await sender.send(ATTEMPT)
    assert (receipt.outcome, receipt.error) == (Outcome.BLOCKED, Fault.ADDRESS_REFUSED)
    assert receiver.connections == 0


class Rebinding(AbstractResolver):
    """Gives each of these addresses once, and the last one for ever."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family  # these answers are all IPv4
        address = self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]
        return [ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        return None


async def test_a_name_that_moves_to_another_address_between_two_webhooks_is_polled_again() -> None:
    """127.0.0.1 is the only address that this endpoint may have, and 127.0.0.2 listens as well."""
    target = replace(LEDGER, allow_private=(ip_network("127.0.0.1/32"),))
    with socket.create_server(("127.0.0.1", 0)) as allowed:
        port: int = allowed.getsockname()[1]
        with socket.create_server(("127.0.0.2", port)) as forbidden:
            forbidden.settimeout(0)
            async with receiving(then_closing(answering()), listening=allowed) as receiver:
                targets = {"ledger": replace(target, url=f"http://rebind.example:{port}/")}
                resolver = Rebinding("127.0.0.1", "127.0.0.2")
                async with WebhookSender(targets, SystemClock(), resolver=resolver) as sender:
                    first = await sender.send(ATTEMPT)
                    await sender.reconfigure({"ledger": replace(targets["ledger"], timeout=timedelta(seconds=9))})
                    second = await sender.send(ATTEMPT)
            with pytest.raises(BlockingIOError):
                forbidden.accept()
    assert (first.outcome, len(receiver.requests)) == (Outcome.DELIVERED, 1)
    assert (second.outcome, second.error) == (Outcome.BLOCKED, Fault.ADDRESS_REFUSED)


@pytest.mark.parametrize("url", ["http://2130706433/", "http://127.1/", "ftp://127.0.0.1/", "nonsense", "http:///x"])
async def test_a_url_that_is_none_is_blocked(url: str) -> None:
    receipt = await send_once(answering(), replace(LEDGER, url=url))
    assert receipt.outcome is Outcome.BLOCKED


async def test_an_endpoint_that_is_not_configured_any_more_is_blocked() -> None:
    async with WebhookSender({}, SystemClock()) as sender:
        receipt = await sender.send(ATTEMPT)
    assert (receipt.outcome, receipt.error) == (Outcome.BLOCKED, Fault.NOT_CONFIGURED)


async def test_new_targets_are_used_at_once_while_requests_under_way_end_as_they_began() -> None:
    go = asyncio.Event()

    async def waits(writer: asyncio.StreamWriter) -> None:
        await go.wait()
        await answering()(writer)

    async with sending_to(waits) as (sender, receiver), receiving(answering(202)) as moved:
        under_way = asyncio.create_task(sender.send(ATTEMPT))
        await receiver.arrived.wait()
        await sender.reconfigure({"ledger": replace(LEDGER, url=moved.url())})
        assert (await sender.send(Attempt("ledger", "evt_2", BODY))).status == 202
        go.set()
        assert (await under_way).status == 200
    assert [request.headers["webhook-id"] for request in moved.requests] == ["evt_2"]


async def test_an_unchanged_target_keeps_its_connections_through_a_reload() -> None:
    async with sending_to(answering()) as (sender, receiver):
        await sender.send(ATTEMPT)
        await sender.reconfigure({"ledger": replace(LEDGER, url=receiver.url())})
        await sender.send(ATTEMPT)
    assert receiver.connections == 1


def test_secrets_and_headers_of_a_target_are_not_shown() -> None:
    shown = repr(replace(LEDGER, headers={"Authorization": "Bearer hidden"}))
    assert "hidden" not in shown
    assert repr(SECRET) not in shown
