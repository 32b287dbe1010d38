import io
import json
import logging
import warnings
from datetime import UTC, datetime

import structlog
from pydantic import SecretStr

from watcher import logs

SECRET = "whsec_dGhpcyBpcyBhIHNlY3JldCBvZiAyNCBieXRlcw=="


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def configured(level: str = "info", form: str = "json") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(level, form, stream, final=False)
    return stream


def test_a_fact_is_one_json_line_with_a_utc_instant() -> None:
    stream = configured()

    structlog.get_logger().info("poll.done", source="acme", invoices=3)

    [line] = lines(stream)
    assert (line["event"], line["level"], line["source"], line["invoices"]) == ("poll.done", "info", "acme", 3)
    assert str(line["timestamp"]).endswith("Z")
    assert datetime.fromisoformat(str(line["timestamp"])).tzinfo == UTC
    assert list(line)[:3] == ["timestamp", "level", "event"]


def test_secrets_never_show_however_deep_they_stand() -> None:
    stream = configured()

    structlog.get_logger().info(
        "config.loaded",
        api_key=SecretStr(SECRET),
        endpoints=[{"name": "ledger", "secrets": (SecretStr(SECRET),)}],
        url="postgresql://user:hunter2@db.example/watcher",
    )

    assert SECRET not in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
    assert lines(stream)[0]["endpoints"] == [{"name": "ledger", "secrets": ["***"]}]
    assert lines(stream)[0]["url"] == "postgresql://user:***@db.example/watcher"


def test_bodies_are_logged_by_their_size_only() -> None:
    stream = configured()

    structlog.get_logger().info("delivery.attempted", body=b'{"customer": "Jane"}', raw="Jane Doe", answer=b"ok")

    line = lines(stream)[0]
    assert (line["body"], line["raw"], line["answer"]) == ("<20 bytes>", "<8 characters>", "<2 bytes>")


def test_less_than_the_level_is_not_written() -> None:
    stream = configured("warning")

    structlog.get_logger().info("poll.done")
    structlog.get_logger().warning("poll.failed")

    assert [line["event"] for line in lines(stream)] == ["poll.failed"]


def test_libraries_are_heard_in_the_same_form_from_warning_on() -> None:
    stream = configured("debug")

    logging.getLogger("aiohttp.client").info("chatter")
    logging.getLogger("apscheduler.scheduler").warning("run time was missed by %s", "5 s")

    [line] = lines(stream)
    assert (line["logger"], line["level"], line["event"]) == (
        "apscheduler.scheduler",
        "warning",
        "run time was missed by 5 s",
    )


def test_python_warnings_go_to_the_log() -> None:
    stream = configured()

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old thing", UserWarning, stacklevel=1)

    assert "old thing" in str(lines(stream)[0]["event"])


def test_an_exception_is_a_value_of_its_line() -> None:
    stream = configured()

    try:
        int("broken")
    except ValueError:
        structlog.get_logger().exception("worker.failed")

    [line] = lines(stream)
    assert "ValueError: invalid literal" in str(line["exception"])


def test_auto_is_readable_on_a_terminal_and_json_elsewhere() -> None:
    terminal = Terminal()
    logs.configure("info", "auto", terminal, final=False)
    structlog.get_logger().info("poll.done", source="acme")
    pipe = configured(form="auto")
    structlog.get_logger().info("poll.done", source="acme")

    assert "poll.done" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    assert lines(pipe)[0]["source"] == "acme"


def test_console_without_a_terminal_has_no_colour() -> None:
    stream = configured(form="console")

    structlog.get_logger().info("poll.done", source="acme")

    assert "\x1b[" not in stream.getvalue()
    assert "source=acme" in stream.getvalue()
