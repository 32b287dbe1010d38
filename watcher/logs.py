"""Structured logs on standard error: one JSON object or one readable line each; stdlib loggers use the same format."""

import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import TextIO, cast

import structlog
from pydantic import SecretStr
from structlog.typing import Processor

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
FORMATS = ("auto", "json", "console")

_FIRST = ("timestamp", "level", "logger", "event")
_BODIES = frozenset({"body", "raw", "document", "payload"})
_PASSWORD = re.compile(r"(?<=://)([^\s/@:]*):[^\s/@]+@")
_DEPTH = 6
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)
"""Of what `_plain` has made, which is never circular."""


def configure(level: str, form: str, stream: TextIO | None = None, *, final: bool = True) -> None:
    """Send all logs to `stream` (standard error), from `level` on; `form` is json, console or auto (by the terminal).

    Libraries that use `logging` are shown from warning on. With `final`, loggers may cache this setting, which is
    cheaper; a second call then only reaches loggers that were not used yet.
    """
    output = stream or sys.stderr
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redacted,
    ]
    renderer = _renderer(form, output)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(output),
        cache_logger_on_first_use=final,
    )
    _route_libraries(shared, renderer, output, LEVELS[level])


def _renderer(form: str, stream: TextIO) -> Processor:
    on_terminal = stream.isatty()
    if form == "console" or (form == "auto" and on_terminal):
        return structlog.dev.ConsoleRenderer(colors=on_terminal, exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(serializer=_json)


def _json(event: object, **_: object) -> str:
    return _ENCODER.encode(event)


def _route_libraries(shared: list[Processor], renderer: Processor, stream: TextIO, level: int) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)


def redacted(_logger: object, _method: str, event: MutableMapping[str, object]) -> Mapping[str, object]:
    """A processor: secrets become `***`, bodies their size, the rest plain JSON; the common fields come first."""
    redacted_event: dict[str, object] = {key: _plain(event.pop(key)) for key in _FIRST if key in event}
    for key, value in event.items():
        redacted_event[key] = _size(value) if key in _BODIES else _plain(value)
    return redacted_event


def _size(value: object) -> str:
    if isinstance(value, (bytes, bytearray)):
        return f"<{len(value)} bytes>"
    return f"<{len(str(value))} characters>"


def _plain(value: object, depth: int = 0) -> object:
    if value is None or isinstance(value, (str, bool, int, float)):
        return _without_password(value) if isinstance(value, str) else value
    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, (bytes, bytearray)):
        return _size(value)
    if depth < _DEPTH and isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value)
        return {str(key): _plain(entry, depth + 1) for key, entry in entries.items()}
    if depth < _DEPTH and isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(member, depth + 1) for member in cast("Iterable[object]", value)]
    return _without_password(str(value))


def _without_password(text: str) -> str:
    return _PASSWORD.sub(r"\1:***@", text) if "://" in text else text
