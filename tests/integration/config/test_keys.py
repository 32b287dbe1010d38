"""Every way in which a key of the config file can be wrong, each reported at its line."""

import pytest

from tests.integration.config.folder import ENDPOINT, SOURCE, Folder

_DURATION = 'is not a duration, allowed: whole numbers with ms, s, m, h or d, joined, such as "1h30m"'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n[watcher]\ngrace = 5\n", '3: watcher.grace: 5 is not text, must be a duration such as "15m"'),
        ('[watcher]\ngrace = "5 min"\n', f'2: watcher.grace: "5 min" {_DURATION}'),
        ('[watcher]\nclock_wait = "0s"\n', '2: watcher.clock_wait: "0s" is too short, must be more than 0'),
        ('[watcher]\nclock_wait = "40000d"\n', '2: watcher.clock_wait: "40000d" is too long, at most 36500d'),
        ('[watcher]\ndue_soon = [\n  "7d",\n  "x"]\n', f'4: watcher.due_soon[1]: "x" {_DURATION}'),
        ('[watcher]\ndue_soon = ["7d", "168h"]\n', '2: watcher.due_soon: has "7d" twice, must have each once'),
        ('[watcher]\nreminders = ["1d", "1d"]\n', '2: watcher.reminders: has "1d" twice, must have each once'),
        (
            '[watcher]\nreminders = ["1d"]\ngrace = "1d"\n',
            '2: watcher.reminders: "1d" is not after grace, must be more than "1d"',
        ),
        (
            '[watcher]\ngrace = "2d"\n',
            '1: watcher.reminders: "1d" is not after grace, must be more than "2d"',
        ),
        (
            '[watcher]\nannounce_tracked = "yes"\n',
            '2: watcher.announce_tracked: "yes" is not allowed, must be true or false',
        ),
        (
            '[watcher]\nwatchlists = [""]\n',
            '2: watcher.watchlists[0]: "" is not a path, must be one such as "watchlists/*.toml"',
        ),
        ("[log]\nlevel = 2026-12-01\n", "2: log.level: 2026-12-01 is unknown, must be debug, info, warning or error"),
        ("[database]\nurl = 5\n", '2: database.url: 5 is not text, must be text in quotes or { env = "NAME" }, {'),
        ('[watcher]\nwatchlists = "a.csv"\n', "2: watcher.watchlists: text is not allowed, must be a list"),
        (
            '[polling]\npolicy = "cronn"\n',
            '2: polling.policy: "cronn" is unknown (did you mean "cron"?), must be adaptive, fixed or cron',
        ),
        (
            '[polling]\npolicy = "cron"\n',
            '1: polling.cron: is missing, must be set where policy is "cron", such as "*/10 8-18 * * 1-5"',
        ),
        (
            '[polling]\ncron = "0 0 1 * 1"\n',
            '2: polling.cron: "0 0 1 * 1" restricts both day of month and day of week, one of them must be *',
        ),
        (
            '[polling]\nslowest = "1m"\nfastest = "1h"\n',
            '2: polling.slowest: "1m" is shorter than fastest, must be "1h" or more',
        ),
        ('[log]\nlevel = "verbose"\n', '2: log.level: "verbose" is unknown, must be debug, info, warning or error'),
        ("[log]\nformat = 1\n", "2: log.format: 1 is unknown, must be auto, json or console"),
        ("log = 1\n", "1: log: 1 is not a table, must be one"),
        ("sources = []\n", "1: sources: a list is not a table, must be one"),
        ("[sources]\nacme = 1\n", "2: sources.acme: 1 is not a table, must be one"),
    ],
)
def test_a_wrong_value_is_reported_at_its_line_with_what_is_allowed(folder: Folder, text: str, problem: str) -> None:
    found = folder.problems(text)
    assert [line for line in found if line.startswith(f"watcher.toml:{problem}")] != []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[wacher]\n", '1: wacher: is not a known key (did you mean "watcher"?), allowed: database, watcher,'),
        ("[watcher]\n\ngracee = 1\n", '3: watcher.gracee: is not a known key (did you mean "grace"?), allowed: watch'),
        (SOURCE + 'apikey = "x"\n', '4: sources.acme.apikey: is not a known key (did you mean "api_key"?), allowed: '),
        (SOURCE + "client_id = 1\n", "4: sources.acme.client_id: is not a known key, allowed: provider, base_url, "),
        (ENDPOINT + 'event = ["*"]\n', '4: endpoints.ledger.event: is not a known key (did you mean "events"?)'),
        (ENDPOINT + 'name = "x"\n', "4: endpoints.ledger.name: is not a known key"),
        ('"odd key" = 1\n', '1: "odd key": is not a known key'),
    ],
)
def test_an_unknown_key_is_a_mistake_and_a_near_one_is_guessed(folder: Folder, text: str, problem: str) -> None:
    (found,) = folder.problems(text)
    assert found.startswith(f"watcher.toml:{problem}")


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        ("0.0.0.0:8480", "http.token: is missing, must be set where listen is not loopback"),
        ("[::]:8480", "http.token: is missing, must be set where listen is not loopback"),
        ("8480", 'http.listen: "8480" is not an address, allowed: host:port'),
        (":8480", 'http.listen: ":8480" is not an address'),
        ("::1:8480", 'http.listen: "::1:8480" is not an address'),
        ("localhost:65536", 'http.listen: "localhost:65536" is not an address'),
        ("http://localhost:80", 'http.listen: "http://localhost:80" is not an address'),
    ],
)
def test_the_listen_address_is_judged(folder: Folder, listen: str, words: str) -> None:
    (found,) = folder.problems(f'[http]\nlisten = "{listen}"\n')
    assert words in found


@pytest.mark.parametrize("listen", ["", "127.0.0.1:0", "[::1]:8480", "localhost:8480"])
def test_loopback_or_nothing_needs_no_token(folder: Folder, listen: str) -> None:
    assert folder.load(f'[http]\nlisten = "{listen}"\n').configuration.http.listen == listen


def test_a_public_address_with_a_token_is_accepted(folder: Folder) -> None:
    http = folder.load('[http]\nlisten = "0.0.0.0:80"\ntoken = { env = "KEY" }\n').configuration.http
    assert http.token is not None
    assert http.token.get_secret_value() == "k-123"


def test_all_mistakes_of_all_files_are_reported_at_once_in_order(folder: Folder) -> None:
    folder.write("source,invoice_id\nacme,1\nother,2\n", "lists/a.csv")
    folder.write('source = "acme"\ninvoices = [""]\n', "lists/b.toml")
    folder.write("source = \n", "lists/c.toml")
    problems = folder.problems(
        '[watcher]\nwatchlists = ["lists/*"]\ngrace = "x"\n[log]\nlevel = "x"\n' + SOURCE + 'timezone = "Mars"\n'
    )
    assert [problem.partition(" ")[0] for problem in problems] == [
        "watcher.toml:3:",
        "watcher.toml:5:",
        "watcher.toml:9:",
        "lists/a.csv:3:",
        "lists/b.toml:2:",
        "lists/c.toml:1:",
    ]


def test_a_config_without_sources_and_endpoints_is_good_but_warned_about(folder: Folder) -> None:
    assert folder.warnings("") == [
        "watcher.toml: has no [sources.NAME]: nothing is polled",
        "watcher.toml: has no [endpoints.NAME]: events are recorded, and sent to nobody",
    ]


def test_keep_settled_may_be_forever(folder: Folder) -> None:
    assert folder.load('[watcher]\nkeep_settled = "forever"\n').configuration.watcher.keep_settled is None
