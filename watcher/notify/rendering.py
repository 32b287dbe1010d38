"""Writes messages as plain text and as HTML."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from watcher.core.notifications.digest import Digest
from watcher.core.notifications.message import Message

if TYPE_CHECKING:
    from jinja2 import Environment

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
def _templates() -> "Environment":
    # Loaded for the first message: most services send none.
    from jinja2 import Environment, PackageLoader, select_autoescape  # noqa: PLC0415

    return Environment(
        loader=PackageLoader("watcher.notify"),
        autoescape=select_autoescape(["html"]),
        keep_trailing_newline=True,
    )
