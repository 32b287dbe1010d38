"""Messages through the real Apprise to real receivers on loopback."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network

import anyio
import pytest

from tests.fakes import receiver as fake
from tests.fakes.receiver import answering, receiving
from tests.integration.notify.conftest import MailServer, json_url, titles
from watcher.clock import SystemClock
from watcher.core.invoices.event import EventType
from watcher.core.webhooks.examples import example
from watcher.notify import NotificationSender, NotifyFault, NotifyTarget
from watcher.ports import Attempt, ClaimedDelivery, Outcome, Receipt
from watcher.store import SqlReached, Store

HERE = (IPv4Network("127.0.0.0/8"),)
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def sender(*urls: str, store: Store | None = None, seconds: float = 10, allowed: bool = True) -> NotificationSender:
    made = NotificationSender(SystemClock(), None if store is None else SqlReached(store))
    made.reconfigure(
        {
            "finance": NotifyTarget(
                "finance",
                urls,
                allow_private=HERE if allowed else (),
                public_url="https://watcher.example.com",
                timeout=timedelta(seconds=seconds),
            )
        }
    )
    return made


async def send(by: NotificationSender, event_id: str = "evt_1", kind: EventType = EventType.OVERDUE) -> Receipt:
    return await by.send(Attempt("finance", event_id, example(kind, event_id, NOW)))


def delivery(event_id: str, kind: EventType) -> ClaimedDelivery:
    return ClaimedDelivery(1, 1, "finance", event_id, kind.value, example(kind, event_id, NOW), 0, NOW)


async def test_a_mail_is_readable_as_text_and_as_html_and_links_to_the_invoice(mail_server: MailServer) -> None:
    assert (await send(sender(mail_server.url()))).outcome is Outcome.DELIVERED
    (mail,) = mail_server.mails
    assert mail["Subject"] == "Example, nothing has happened: Invoice INV-0042 is overdue: 1079.98 EUR due"
    assert (mail["To"], mail["From"]) == ("finance@example.com", "watcher@example.com")
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    lines = [line for line in plain.get_content().splitlines() if line]
    assert "Customer: cus_example" in lines
    assert "Amount due: 1079.98 EUR" in lines
    assert any(re.fullmatch(r"Due date: 2026-11-30, \d+ days? overdue", line) for line in lines)
    assert "https://watcher.example.com/invoices/example/inv_example" in lines
    assert '<a href="https://watcher.example.com/invoices/example/inv_example">' in html.get_content()


async def test_what_a_provider_writes_is_text_in_html(mail_server: MailServer) -> None:
    body = example(EventType.OVERDUE, "evt_1", NOW).replace(b"INV-0042", b"<script>alert(1)</script>")
    await sender(mail_server.url()).send(Attempt("finance", "evt_1", body))
    html = mail_server.mails[0].get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()
    assert "&lt;script&gt;" in html.get_content()


async def test_a_digest_is_one_mail(mail_server: MailServer) -> None:
    events = [delivery("evt_1", EventType.OVERDUE), delivery("evt_2", EventType.SOURCE_FAILING)]
    receipt = await sender(mail_server.url()).send_digest("finance", events)
    assert receipt.outcome is Outcome.DELIVERED
    (mail,) = mail_server.mails
    plain = mail.get_body(("plain",))
    assert mail["Subject"] == "Accounts that cannot be polled: 1, Overdue: 1"
    assert plain is not None
    assert "Overdue: 1, 1079.98 EUR due" in plain.get_content()


@pytest.mark.parametrize("answer", ["451 later", "550 no such user"])
async def test_a_mail_that_is_not_taken_is_tried_again(mail_server: MailServer, answer: str) -> None:
    mail_server.answer = answer
    receipt = await send(sender(mail_server.url()))
    assert (receipt.outcome, receipt.error) == (Outcome.RETRY, NotifyFault.NOT_SENT)


async def test_nothing_of_a_url_is_in_what_is_said_about_its_failure() -> None:
    async with receiving(answering(403)) as receiver:
        url = f"json://person:hunter22@127.0.0.1:{receiver.port}/path-that-is-secret"
        receipt = await send(sender(url))
    assert receipt.detail is not None
    assert "403" in receipt.detail
    assert re.search("person|hunter22|secret", repr(receipt)) is None


async def test_a_private_address_that_is_not_allowed_gets_nothing_and_the_delivery_is_parked() -> None:
    async with receiving(answering()) as receiver:
        receipt = await send(sender(f"jsons://127.0.0.1:{receiver.port}", allowed=False))
        by_name = await send(sender(f"jsons://localhost:{receiver.port}", allowed=False))
    assert receiver.connections == 0
    for one in (receipt, by_name):
        assert (one.outcome, one.error) == (Outcome.BLOCKED, NotifyFault.ADDRESS_REFUSED)


async def test_a_mail_server_that_is_not_allowed_gets_nothing(mail_server: MailServer) -> None:
    receipt = await send(sender(mail_server.url(), allowed=False))
    assert (receipt.outcome, receipt.error) == (Outcome.BLOCKED, NotifyFault.ADDRESS_REFUSED)
    assert mail_server.mails == []


async def test_redirects_are_not_followed() -> None:
    async with receiving(answering()) as elsewhere:
        location = f"Location: http://127.0.0.1:{elsewhere.port}/"
        async with receiving(answering(302, headers=(location,))) as receiver:
            assert (await send(sender(json_url(receiver)))).outcome is Outcome.RETRY
    assert elsewhere.requests == []


async def test_a_service_that_hangs_ends_the_attempt_in_time_and_gets_no_second_message_beside_it() -> None:
    async with receiving(fake.silent) as receiver:
        by = sender(json_url(receiver), seconds=0.3)
        first = await send(by)
        second = await send(by)
        assert receiver.connections == 1
    assert (first.outcome, first.error) == (Outcome.RETRY, NotifyFault.TIMEOUT)
    assert (second.error, second.detail) == (NotifyFault.TIMEOUT, "json: the message before is still being sent")


async def test_a_cancelled_attempt_ends_at_once() -> None:
    async with receiving(fake.silent) as receiver:
        by = sender(json_url(receiver))
        with anyio.move_on_after(0.3) as scope:
            await send(by)
        assert scope.cancelled_caught
        await asyncio.sleep(0)


async def test_a_service_that_has_the_message_gets_no_repeat_because_of_another_one(
    mail_server: MailServer, sqlite_store: Store
) -> None:
    mail_server.answer = "451 later"
    async with receiving(answering()) as receiver:
        urls = json_url(receiver), mail_server.url()
        assert (await send(sender(*urls, store=sqlite_store))).outcome is Outcome.RETRY
        restarted = sender(*urls, store=sqlite_store)
        assert (await send(restarted)).outcome is Outcome.RETRY
        assert len(titles(receiver)) == 1
        mail_server.answer = "250 OK"
        assert (await send(restarted)).outcome is Outcome.DELIVERED
        assert (len(titles(receiver)), len(mail_server.mails)) == (1, 1)
        await send(restarted)
        assert (len(titles(receiver)), len(mail_server.mails)) == (2, 2), "an operator sent it again"


async def test_a_repeated_digest_leaves_out_what_a_service_has(mail_server: MailServer, sqlite_store: Store) -> None:
    mail_server.answer = "451 later"
    first, second = delivery("evt_1", EventType.OVERDUE), delivery("evt_2", EventType.PAID)
    async with receiving(answering()) as receiver:
        by = sender(json_url(receiver), mail_server.url(), store=sqlite_store)
        await by.send_digest("finance", [first])
        mail_server.answer = "250 OK"
        await by.send_digest("finance", [first, second])
        assert titles(receiver) == ["Overdue: 1", "Paid: 1"]
    assert [mail["Subject"] for mail in mail_server.mails] == ["Overdue: 1, Paid: 1"]


async def test_a_digest_names_events_of_a_newer_program_instead_of_losing_them() -> None:
    newer = ClaimedDelivery(1, 1, "finance", "evt_9", "invoice.new", b'{"type":"invoice.new"}', 0, NOW)
    async with receiving(answering()) as receiver:
        await sender(json_url(receiver)).send_digest("finance", [newer, delivery("evt_1", EventType.PAID)])
    assert titles(receiver) == ["Paid: 1, Events of kinds that this version does not know: 1"]
    assert b"evt_9" in receiver.requests[0].body


async def test_what_cannot_be_read_waits_for_a_newer_replica() -> None:
    receipt = await sender("json://127.0.0.1").send(Attempt("finance", "evt_1", b"{}"))
    assert (receipt.outcome, receipt.error) == (Outcome.RETRY, NotifyFault.UNREADABLE)
    unknown = await sender("json://127.0.0.1").send(Attempt("other", "evt_1", b"{}"))
    assert (unknown.outcome, unknown.error) == (Outcome.BLOCKED, NotifyFault.NOT_CONFIGURED)
