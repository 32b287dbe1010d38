"""Host, token and session as pure decisions."""

from datetime import timedelta

import pytest

from tests.fakes.stored import NOW
from watcher.ports import AccessToken, Caller, Scope
from watcher.web.access import SESSION, Access

TOKEN = "token-c9d0e1f2"


def access(listen: str, *tokens: tuple[str, str], names: frozenset[str] = frozenset()) -> Access:
    named = [AccessToken(name, Scope.OPERATE, value) for name, value in tokens or (("ada", TOKEN),)]
    return Access(listen, lambda: named, lambda: names)


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


@pytest.mark.parametrize(
    ("host", "ours"),
    [("watcher.example.com", True), ("Blue:8480", True), ("watcher.example.com.", True), ("blue.example.com", False)],
)
def test_a_host_is_ours_where_it_is_one_of_our_names(host: str, *, ours: bool) -> None:
    assert access("127.0.0.1", names=frozenset({"blue", "watcher.example.com"})).is_our_host(host) is ours


def test_a_session_ends_by_its_time_and_with_its_token() -> None:
    before = access("127.0.0.1")
    cookie = before.log_in(TOKEN, NOW) or ""
    assert before.caller({}, cookie, NOW) == Caller("page:ada", Scope.OPERATE)
    assert before.caller({}, cookie, NOW + SESSION + timedelta(seconds=1)) is None
    assert access("127.0.0.1", ("ada", "another")).caller({}, cookie, NOW) is None
    ends, _, seal = cookie.partition(".")
    assert before.caller({}, f"{int(ends) + 1}.{seal}", NOW) is None
    assert before.caller({}, f"{ends}.{seal[:-1]}é", NOW) is None
    assert TOKEN not in cookie


def test_a_wrong_token_is_not_saved_by_a_right_cookie() -> None:
    one = access("127.0.0.1")
    assert one.caller({"Authorization": "Bearer wrong"}, one.log_in(TOKEN, NOW), NOW) is None
    assert one.log_in("wrong", NOW) is None


def test_each_of_several_tokens_names_its_holder_and_a_session_belongs_to_one() -> None:
    both = access("127.0.0.1", ("ada", TOKEN), ("bob", "token-2"))
    assert both.caller({"Authorization": "Bearer token-2"}, None, NOW) == Caller("token:bob", Scope.OPERATE)
    cookie = both.log_in("token-2", NOW)
    assert both.caller({}, cookie, NOW) == Caller("page:bob", Scope.OPERATE)
    assert access("127.0.0.1", ("ada", TOKEN)).caller({}, cookie, NOW) is None


def test_without_tokens_everybody_may_do_everything() -> None:
    assert Access("127.0.0.1", tuple, frozenset).caller({}, None, NOW) == Caller("loopback", Scope.OPERATE)
    assert Access("127.0.0.1", tuple, frozenset).log_in("", NOW) is None
