"""One Apprise URL: whether it can be used, and a message to it.

Apprise is imported when it is first needed: it is an extra, and takes a quarter of a second.
"""

import logging
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from watcher.egress import Guard, Network
from watcher.notify.connections import guarded
from watcher.notify.rendering import Rendered
from watcher.notify.schemes import MAIL, scheme_of

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase

EXTRA = "pip install 'invoice-watcher[notify]'"
SOCKET_SECONDS = 10.0
"""How long one operation of a socket may take."""

MOST_DETAIL = 300
_SHORTEST_SECRET = 4
_MARK = "***"


@dataclass(frozen=True, slots=True)
class Result:
    """`refused` is what the guard did not allow. `detail` is what Apprise said, without secrets."""

    sent: bool
    refused: str | None = None
    detail: str | None = None


def is_installed() -> bool:
    return find_spec("apprise") is not None


def problem(url: str, allow_private: tuple[Network, ...]) -> str | None:
    """Why this URL, whose scheme is allowed, cannot be used, in words that show nothing of it; None if it can."""
    service = _service(url)
    if service is None:
        return f"is not a URL that Apprise reads, see https://appriseit.com/services for {scheme_of(url)}"
    if len(service) > 1:
        return (
            f"names {len(service)} recipients, must name one: where one of them fails, the others would get a "
            "repeated message. Give each a URL of its own"
        )
    if _is_plain(service, url) and not allow_private:
        return f"is not encrypted, allowed inside allow_private only: list its network there, or use {scheme_of(url)}s"
    return None


def send(url: str, rendered: Rendered, allow_private: tuple[Network, ...]) -> Result:
    """Send it now. Blocks for as long as the service takes; raises nothing for its errors."""
    service = _service(url)
    if service is None:
        return Result(sent=False, detail="Apprise does not read the URL")
    guard = Guard(allow_private, tls=not _is_plain(service, url), any_port=True)
    with _captured() as said, guarded(guard) as watch:
        try:
            sent = service.notify(**_content(service, url, rendered))
        except Exception as error:  # noqa: BLE001 -- a hundred plugins: what one of them raises is its failure
            said.append(f"{type(error).__name__}: {error}")
            sent = False
    return Result(
        sent=bool(sent),
        refused=watch.refused[0] if watch.refused else None,
        detail=None if sent else _without_secrets(said[-1], url) if said else None,
    )


def _content(service: "NotifyBase", url: str, rendered: Rendered) -> dict[str, object]:
    from apprise import NotifyFormat, NotifyType  # noqa: PLC0415 -- an extra
    from apprise.conversion import convert_between  # noqa: PLC0415 -- same  # pyright: ignore[reportUnknownVariableType]

    given = NotifyFormat.HTML if scheme_of(url) in MAIL else NotifyFormat.TEXT
    wanted = service.resolve_format(given)
    if wanted is NotifyFormat.TEXT:
        given = NotifyFormat.TEXT
    body = rendered.html if given is NotifyFormat.HTML else rendered.text
    convert = cast("Callable[[NotifyFormat, NotifyFormat, str], str]", convert_between)
    converted = body if given is wanted else convert(given, wanted, body)
    return {"title": rendered.subject, "body": converted, "body_format": wanted, "notify_type": NotifyType.INFO}


def _service(url: str) -> "NotifyBase | None":
    """A new one for each message: it has a connection and a pace of its own. Repeats are this program's business."""
    from apprise import Apprise  # noqa: PLC0415 -- an extra

    with _captured():
        instantiate = cast("Callable[..., NotifyBase | None]", Apprise.instantiate)  # pyright: ignore[reportUnknownMemberType] -- its tags
        service = instantiate(url, asset=_asset(), suppress_exceptions=True)
    if service is None:
        return None
    service.retry = 0
    service.socket_connect_timeout = service.socket_read_timeout = SOCKET_SECONDS
    return service


@cache
def _asset() -> "AppriseAsset":
    from apprise import AppriseAsset, PersistentStoreMode  # noqa: PLC0415 -- an extra

    return AppriseAsset(
        storage_mode=PersistentStoreMode.MEMORY,
        allow_templates=False,
        secure_logging=True,
        http_redirects=False,
        app_id="Invoice Watcher",
        app_desc="Invoice Watcher",
        app_url="",
    )


def _is_plain(service: "NotifyBase", url: str) -> bool:
    """Whether it sends without encryption. Mail to a provider that Apprise knows is encrypted even as mailto."""
    protocols = cast("str | tuple[str, ...] | None", service.protocol)
    names = (protocols,) if isinstance(protocols, str) else protocols or ()
    return scheme_of(url) in names and getattr(service, "secure_mode", "insecure") == "insecure"


@contextmanager
def _captured() -> Generator[list[str]]:
    """What Apprise logs in this thread. It is not logged: it names people and servers."""
    handler = _handler()
    said: list[str] = []
    handler.lines[threading.get_ident()] = said
    try:
        yield said
    finally:
        del handler.lines[threading.get_ident()]


class _Handler(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: dict[int, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if (said := self.lines.get(threading.get_ident())) is not None:
            said.append(record.getMessage())


@cache
def _handler() -> _Handler:
    handler = _Handler()
    logger = logging.getLogger("apprise")
    logger.addHandler(handler)
    logger.propagate = False
    return handler


def _without_secrets(text: str, url: str) -> str:
    """What Apprise said without any part of the URL that may be secret."""
    rest = url.partition("://")[2]
    for character in "/?&=:@,;+#":
        rest = rest.replace(character, " ")
    for part in sorted(rest.split(), key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET:
            text = text.replace(part, _MARK)
    return " ".join(text.split())[:MOST_DETAIL]
