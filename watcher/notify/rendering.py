"""Writes messages as plain text and as HTML."""

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, select_autoescape

from watcher.core.notifications.digest import Digest
from watcher.core.notifications.message import Message

LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str


def render(message: Message | Digest, target: str) -> Rendered:
    """`target` is the name of the notification, which the message ends with."""
    name = "digest" if isinstance(message, Digest) else "message"
    subject = message.subject if len(message.subject) <= LONGEST_SUBJECT else f"{message.subject[:LONGEST_SUBJECT]}…"
    values = {name: message, "subject": subject, "target": target}
    text, html = (_templates().get_template(f"{name}.{form}").render(values) for form in ("txt", "html"))
    return Rendered(subject, text.strip(), html)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("watcher.notify"),
        autoescape=select_autoescape(["html"]),
        keep_trailing_newline=True,
    )
