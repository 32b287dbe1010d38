"""`[http]`, `[http.tokens.NAME]` and `[retention]`: what is read, and what is wrong where."""

from datetime import timedelta

import pytest

from tests.integration.config.folder import Folder
from watcher.ports import AccessToken, Scope

READER = '[http.tokens.finance]\ntoken = { env = "KEY" }\n'


def test_tokens_have_names_and_scopes(folder: Folder) -> None:
    folder.environment["OTHER"] = "o-456"
    folder.write("f-789\n", "finance.txt")
    text = (
        '[http]\ntoken = { env = "KEY" }\n[http.tokens.bot]\ntoken = { env = "OTHER" }\nscope = "operate"\n'
        '[http.tokens.finance]\ntoken = { file = "finance.txt" }\n'
    )
    http = folder.load(text).configuration.http
    assert http.access_tokens == (
        AccessToken("default", Scope.OPERATE, "k-123"),
        AccessToken("bot", Scope.OPERATE, "o-456"),
        AccessToken("finance", Scope.READ, "f-789"),
    )
    assert "k-123" not in repr(http.access_tokens)


def test_a_named_token_is_enough_for_a_public_address(folder: Folder) -> None:
    http = folder.load(f'[http]\nlisten = "0.0.0.0:8480"\n{READER}').configuration.http
    assert [one.name for one in http.access_tokens] == ["finance"]


def test_the_names_of_the_service_are_those_of_hosts_and_of_the_public_url(folder: Folder) -> None:
    text = (
        '[http]\npublic_url = "https://Watcher.example.com:8443/invoices"\nhosts = ["Blue", "watcher.billing.svc."]\n'
    )
    http = folder.load(text).configuration.http
    assert http.host_names == {"watcher.example.com", "blue", "watcher.billing.svc"}
    assert folder.load("").configuration.http.host_names == frozenset()


@pytest.mark.parametrize("host", ["blue:8480", "https://blue", "10.0.0.5", "[::1]", "a b", "a..b", ""])
def test_a_host_is_a_bare_name(folder: Folder, host: str) -> None:
    (problem,) = folder.problems(f'[http]\nhosts = ["{host}"]\n')
    assert f'2: http.hosts[0]: "{host}" is not a host name, must be one without port' in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f'{READER}scope = "write"\n', '3: http.tokens.finance.scope: "write" is unknown, must be read or operate'),
        (
            '[http]\ntimezone = "Berlin"\n',
            '2: http.timezone: "Berlin" is not a time zone',
        ),
        ("[http]\ntimezone = 1\n", "2: http.timezone: 1 is not text, must be an IANA time zone"),
        (f"{READER}scopes = 1\n", '3: http.tokens.finance.scopes: is not a known key (did you mean "scope"?), allowed'),
        ("[http.tokens.finance]\n", "1: http.tokens.finance.token: is missing, must be set"),
        ('[http.tokens.finance]\ntoken = "k-123"\n', "2: http.tokens.finance.token: must not be here in plain text"),
        ("[http.tokens]\nfinance = 5\n", "2: http.tokens.finance: 5 is not a table, must be one"),
        (READER.replace("finance", "Fin"), "1: http.tokens.Fin: is not a name, must be 1 to 64 of a to z"),
        (
            f'[http]\ntoken = {{ env = "KEY" }}\n{READER}',
            "4: http.tokens.finance.token: has the same value as [http] token, must have one of its own",
        ),
        (
            READER + READER.replace("finance", "other"),
            "4: http.tokens.other.token: has the same value as [http.tokens.finance], must have one of its own",
        ),
        (
            '[http]\ntoken = { env = "KEY" }\n' + READER.replace("finance", "default"),
            "3: http.tokens.default: is the name of the token in [http] token",
        ),
    ],
)
def test_a_wrong_token_is_named_and_never_shown(folder: Folder, text: str, problem: str) -> None:
    problems = folder.problems(text)
    assert [one for one in problems if problem in one], problems
    assert "k-123" not in str(problems)


def test_events_are_kept_for_ever_or_for_a_quarter_at_least(folder: Folder) -> None:
    kept = folder.load("[retention]\nevents = '90d'\narchive = 'old/events'\naudit = '30d'\n").configuration.retention
    assert (kept.events, kept.archive) == (timedelta(days=90), folder.path / "old/events")
    assert kept.audit == timedelta(days=30)
    assert folder.load("[retention]\nevents = 'forever'\n").configuration.retention.events is None
    assert folder.problems("[retention]\nevents = '89d'\n") == [
        'watcher.toml:2: retention.events: "89d" is too short, must be "forever" or at least "90d"'
    ]
    assert folder.problems("[retention]\narchive = ''\n") == [
        'watcher.toml:2: retention.archive: "" is not a path, must be one such as "archive"'
    ]
