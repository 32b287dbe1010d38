"""Renders templates: everything is escaped, and the content policy allows nothing but our own files."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from aiohttp import web

from watcher import __version__
from watcher.core.invoices.event import EventType
from watcher.web.page import formatting

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HERE = Path(__file__).parent
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

FILES = {path.name: path.read_bytes() for path in (_HERE / "static").iterdir() if path.suffix in _TYPES}
_EDITION = blake2b(b"".join(FILES[name] for name in sorted(FILES)), digest_size=6).hexdigest()


@cache
def _templates() -> "Environment":
    # Loaded when somebody opens the page: a service that only scripts ask never needs it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["grouped"] = formatting.grouped
    made.filters["shown"] = formatting.shown
    made.filters["wanted_by"] = formatting.wanted_by
    known = cast("dict[str, object]", made.globals)
    known |= {
        "age": formatting.age,
        "invoice_path": formatting.invoice_path,
        "customer_path": formatting.customer_path,
        "link": formatting.link,
        "period": formatting.period,
        "version": __version__,
        "edition": _EDITION,
        "event_types": " ".join(event_type.value for event_type in EventType),
    }
    return made


@dataclass(frozen=True, slots=True)
class Reader:
    """When a page is read, and the zone in which its instants are shown; `zones` are those that are offered."""

    now: datetime
    zone: ZoneInfo
    zones: tuple[str, ...] = ()


def page(
    template: str, reader: Reader, context: Mapping[str, object], status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    """The answer that shows a template to a reader."""
    around = {
        "now": reader.now,
        "zone": reader.zone.key,
        "zones": reader.zones,
        "when": partial(formatting.when, now=reader.now, zone=reader.zone),
        "exactly": partial(formatting.exactly, zone=reader.zone),
        "change_text": partial(formatting.change_text, zone=reader.zone),
    }
    text = _templates().get_template(template).render({**context, **around})
    return web.Response(status=status, text=text, content_type="text/html", headers={"Content-Security-Policy": POLICY})


async def file(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"]
    if name not in FILES:
        raise web.HTTPNotFound
    return web.Response(body=FILES[name], content_type=_TYPES[Path(name).suffix], charset="utf-8")
