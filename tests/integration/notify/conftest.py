"""Receivers of messages: a real SMTP server, and Apprise's own JSON over HTTP."""

import asyncio
import email
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import cast

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.fakes.receiver import Receiver


@dataclass
class MailServer:
    """Answers DATA with `answer`, and keeps what it took."""

    answer: str = "250 OK"
    mails: list[EmailMessage] = field(default_factory=list[EmailMessage])
    port: int = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's name
        del server, session
        if self.answer.startswith("250"):
            content = cast("bytes", envelope.content)
            self.mails.append(email.message_from_bytes(content, policy=default))
        return self.answer

    def url(self, to: str = "finance@example.com") -> str:
        return f"mailto://127.0.0.1:{self.port}?from=watcher@example.com&to={to}"


@pytest.fixture
async def mail_server() -> AsyncGenerator[MailServer]:
    mails = MailServer()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(mails), "127.0.0.1", 0)
    async with server:
        mails.port = server.sockets[0].getsockname()[1]
        yield mails


def json_url(receiver: Receiver) -> str:
    return f"json://127.0.0.1:{receiver.port}/hook"


def titles(receiver: Receiver) -> list[str]:
    """The subjects of the messages that came, in their order."""
    return [str(json.loads(request.body)["title"]) for request in receiver.requests]
