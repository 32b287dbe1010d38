"""Host, token and session as pure decisions."""

from datetime import timedelta

import pytest

from tests.fakes.stored import NOW
from watcher.web.access import SESSION, Access

TOKEN = "token-c9d0e1f2"


def access(listen: str, token: str = TOKEN) -> Access:
    return Access(listen, lambda: token)


@pytest.mark.parametrize(
    ("listen", "host", "ours"),
    [
        ("127.0.0.1", "127.0.0.1:8480", True),
        ("127.0.0.1", "127.0.0.2", True),
        ("127.0.0.1", "localhost:1", True),
        ("127.0.0.1", "localhost.", True),
        ("127.0.0.1", "[::1]:8480", True),
        ("127.0.0.1", "10.0.0.5:8480", False),
        ("10.0.0.5", "10.0.0.5:8480", True),
        ("10.0.0.5", "10.0.0.6:8480", False),
        ("0.0.0.0", "10.0.0.5:8480", True),  # noqa: S104 -- what operators of containers write
        ("::", "[2001:db8::1]:8480", True),
        ("0.0.0.0", "rebound.example", False),  # noqa: S104 -- same
        ("watcher.internal", "Watcher.Internal:8480", True),
        ("watcher.internal", "other.internal:8480", False),
        ("127.0.0.1", "127.0.0.1:x", False),
        ("127.0.0.1", "127.0.0.1/path", False),
        ("127.0.0.1", None, False),
    ],
)
def test_a_host_is_ours_where_it_is_loopback_or_what_we_listen_on(listen: str, host: str | None, *, ours: bool) -> None:
    assert access(listen).is_our_host(host) is ours


def test_a_session_ends_by_its_time_and_with_its_token() -> None:
    before = access("127.0.0.1")
    cookie = before.session(NOW)
    assert before.admits({}, cookie, NOW)
    assert not before.admits({}, cookie, NOW + SESSION + timedelta(seconds=1))
    assert not access("127.0.0.1", "another").admits({}, cookie, NOW)
    ends, _, seal = cookie.partition(".")
    assert not before.admits({}, f"{int(ends) + 1}.{seal}", NOW)
    assert not before.admits({}, f"{ends}.{seal[:-1]}é", NOW)


def test_a_wrong_token_is_not_saved_by_a_right_cookie() -> None:
    one = access("127.0.0.1")
    assert not one.admits({"Authorization": "Bearer wrong"}, one.session(NOW), NOW)
