"""`[notify.*]`: what is accepted, and what each mistake says."""

from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.integration.config.folder import ENDPOINT, Folder
from watcher.notify import services
from watcher.notify.schemes import ALLOWED

NOTIFY = '[notify.finance]\nurls = [{ env = "URL" }]\n'


def problem(folder: Folder, url: str, more: str = "") -> str:
    folder.environment["URL"] = url
    (found,) = folder.problems(NOTIFY + more)
    return found


def test_the_defaults_and_what_may_be_said(folder: Folder) -> None:
    folder.environment["URL"] = "mailtos://user:pass@mail.example.com?to=finance@example.com"
    least = folder.load(NOTIFY).configuration.notify["finance"]
    assert least.digest is None
    assert least.events == ("invoice.overdue", "invoice.paid", "invoice.payment_failed", "source.failing")
    full = folder.load(NOTIFY + 'digest = "1d"\nat = "07:30"\ntimezone = "Europe/Berlin"\ntags = ["vip"]\n')
    finance = full.configuration.notify["finance"]
    assert (finance.digest, finance.at, finance.timezone) == (timedelta(days=1), time(7, 30), ZoneInfo("Europe/Berlin"))
    assert "pass" not in repr(full.configuration)


@pytest.mark.parametrize("scheme", ["macosx", "syslog", "windows", "dbus", "blink1", "vapid", "mqtt", "nobody"])
def test_a_scheme_that_is_not_allowed_is_named_with_its_line_and_what_is(folder: Folder, scheme: str) -> None:
    words = problem(folder, f"{scheme}://host/secret")
    assert words.startswith(f'watcher.toml:2: notify.finance.urls[0]: has the scheme "{scheme}"')
    assert ", allowed: mail: azure," in words
    assert all(name in words for name in ALLOWED)
    assert "secret" not in words


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("slac://a/b/c", 'has the scheme "slac" (did you mean "slack"?), allowed: '),
        ("finance@example.com", "has no scheme, allowed: "),
        ("slack://", "is not a URL that Apprise reads, see https://appriseit.com/services for slack"),
        (
            "json://host/hook",
            "is not encrypted, allowed inside allow_private only: list its network there, or use jsons",
        ),
        ("mailto://mail.example.com?from=a@b.de", "is not encrypted, allowed inside allow_private only"),
        ("mailtos://u:p@mail.example.com?to=a@b.de,c@d.de", "names 2 recipients, must name one: where one of them"),
    ],
)
def test_a_url_that_cannot_be_used_says_why(folder: Folder, url: str, words: str) -> None:
    assert problem(folder, url).startswith(f"watcher.toml:2: notify.finance.urls[0]: {words}")


def test_inside_a_network_of_its_own_a_service_may_be_unencrypted(folder: Folder) -> None:
    folder.environment["URL"] = "mailto://relay.internal:25?from=a@b.de&to=c@d.de"
    folder.load(NOTIFY + 'allow_private = ["10.0.0.0/8"]\n')


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('digest = "10s"\n', 'is too short, must be "1m" or more, or "" for a message per event'),
        ('digest = "daily"\n', '"daily" is not a duration, allowed: '),
        ('at = "8:00"\n', '"8:00" is not a time of day, must be one such as "08:00"'),
        ("at = 08:00:00\n", '08:00:00 is not text, must be a time of day in quotes such as "08:00"'),
        ('url = "x"\n', 'is not a known key (did you mean "urls"?), allowed: allow_private, urls, events'),
        ('sources = ["acme"]\n', '"acme" is not a source, allowed: globs over the names of sources'),
        ('events = ["invoice.overdu"]\n', '"invoice.overdu" matches no event (did you mean "invoice.overdue"?)'),
    ],
)
def test_each_mistake_is_named_with_its_line(folder: Folder, line: str, words: str) -> None:
    found = problem(folder, "mailtos://u:p@mail.example.com", line)
    assert found.startswith("watcher.toml:3: notify.finance.")
    assert words in found


def test_a_name_that_an_endpoint_has_is_refused_and_both_are_named(folder: Folder) -> None:
    folder.environment["URL"] = "mailtos://u:p@mail.example.com"
    (found,) = folder.problems(ENDPOINT.replace("ledger", "finance") + NOTIFY)
    assert found == ("watcher.toml:4: notify.finance: has the name of endpoints.finance in line 1, must have another")


def test_without_apprise_the_configuration_says_how_to_install_it(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "is_installed", lambda: False)
    found = problem(folder, "mailtos://u:p@mail.example.com")
    assert found == (
        "watcher.toml:1: notify: needs Apprise, which is not installed: pip install 'invoice-watcher[notify]'"
    )
