import base64

import pytest

from tests.integration.config.folder import ENDPOINT, SOURCE, Folder
from watcher.config.endpoint_settings import EndpointSettings


def _endpoint(folder: Folder, more: str) -> EndpointSettings:
    return folder.load(f"{ENDPOINT}{more}\n").configuration.endpoints["ledger"]


def _url(url: str) -> str:
    return ENDPOINT.replace("https://example.com/hooks", url)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("events = []", 'events: selects no event at all, must select one or more, such as ["*", "!invoice.updated"]'),
        ('events = ["*", "!*"]', "events: selects no event at all, must select one or more"),
        ('events = ["*",\n"!invoice.pais"]', 'events[1]: "!invoice.pais" matches no event (did you mean "invoice.pai'),
        ('payload = "tiny"', 'payload: "tiny" is unknown'),
        ("concurrency = 0", "concurrency: 0 is out of bounds, must be 1 to 1000"),
        ("concurrency = true", "concurrency: true is not allowed, must be a whole number"),
        ("retries = []", "retries: has 0 attempts, must have 1 to 50"),
        (f"retries = {['1s'] * 51}", "retries: has 51 attempts, must have 1 to 50"),
        ('retries = ["5s", "soon"]', 'retries[1]: "soon" is not a duration'),
        ("allow_ports = [65536]", "allow_ports[0]: 65536 is not a port, must be 1 to 65535"),
        ('allow_private = ["10.0.0.1/8"]', 'allow_private[0]: "10.0.0.1/8" is not a network, must be a CIDR such as'),
        ('tags = ["", "x"]', 'tags[0]: "" is not a tag, must have 1 to 64 characters and no control characters'),
        (f"tags = {[str(n) for n in range(21)]}", "tags: has 21 tags, at most 20"),
        ('headers = "hunter2"', "headers: text is not allowed, must be a table"),
        ("headers = { x = 1 }", "headers.x: 1 is not text, must be text in quotes or { env = "),
        ("headers = 1", "headers: 1 is not allowed, must be a table"),
        ('headers = { Host = "x" }', "headers.Host: is set by the sender, must not be host, content-*, connection"),
        ('headers = { Content-Length = "1" }', "headers.Content-Length: is set by the sender"),
        ('headers = { webhook-id = "1" }', "headers.webhook-id: is set by the sender"),
        ('headers = { User-Agent = "1" }', "headers.User-Agent: is set by the sender"),
        ('headers = { Connection = "1" }', "headers.Connection: is set by the sender"),
        ('headers = { Transfer-Encoding = "1" }', "headers.Transfer-Encoding: is set by the sender"),
        ('headers = { Accept-Encoding = "gzip" }', "headers.Accept-Encoding: is set by the sender"),
        ('headers = { expect = "100-continue" }', "headers.expect: is set by the sender"),
        ('headers = { x = "a\\nb" }', "headers.x: holds line ends or control characters"),
        ('headers = { "a b" = "1" }', 'headers."a b": is not a header name, must be letters, digits and -'),
        ('headers = { x = "a\\r\\nb" }', "headers.x: holds line ends or control characters, must be one line of text"),
        ('headers = { x = "a\\u0000b" }', "headers.x: holds line ends or control characters"),
        ('headers = { X-A = "1", x-a = "2" }', 'headers: has "x-a" twice, must have each once'),
        ('headers = { x = { env = "NOPE" } }', "headers.x: the environment variable NOPE is not set"),
        ('sources = ["acm"]', 'sources[0]: "acm" is not a source, allowed: globs over the names of sources'),
        ('rate = "0/s"', 'rate: "0/s" is out of bounds'),
    ],
)
def test_a_wrong_key_of_an_endpoint_is_reported(folder: Folder, line: str, problem: str) -> None:
    (found,) = folder.problems(f"{ENDPOINT}{line}\n")
    place, _, words = found.partition(": ")
    assert words.startswith(f"endpoints.ledger.{problem}")
    assert place == ("watcher.toml:5" if "\n" in line else "watcher.toml:4")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.com/", "is not https, must be https except inside the CIDRs of allow_private"),
        ("https://example.com:8443/", "has the port 8443, must be 443 or one of allow_ports"),
        ("https://127.0.0.1/", "leads to a private address, must be public or inside the CIDRs of allow_private"),
        ("https://localhost/", "leads to a private address, must be public or inside the CIDRs of allow_private"),
        ("https://[::1]/", "leads to a private address"),
        ("https://169.254.169.254/", "leads to a private address"),
        ("https://user:hunter2@example.com/", "holds a user name or password, must have none before its host"),
        ("https://example.com/#x", "has a fragment (#…) that is never sent, must have none"),
        ("https:///hooks", "is not a URL with scheme and host"),
        ("https://example.com/" + "x" * 2000, "has 2020 characters, must have at most 2000"),
        ("https://exa\\u000ample.com/", "holds spaces, control characters or backslashes"),
        ("https://[::1/", "is not a URL, must be one such as"),
    ],
)
def test_a_url_that_may_not_be_called_is_refused_and_not_shown(folder: Folder, url: str, words: str) -> None:
    (found,) = folder.problems(_url(url))
    assert found.startswith(f"watcher.toml:2: endpoints.ledger.url: {words}")
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("https://example.com:443/?a=b", ""),
        ("https://example.com:8443/", "allow_ports = [8443]"),
        ("http://10.1.2.3:8080/", 'allow_private = ["10.0.0.0/8"]'),
        ("http://localhost:9/", 'allow_private = ["127.0.0.0/8", "::1/128"]'),
        ("http://receiver:9/", 'allow_private = ["172.16.0.0/12"]'),
        ("https://[::1]:9/", 'allow_private = ["::1"]'),
    ],
)
def test_a_url_that_may_be_called_is_accepted(folder: Folder, url: str, more: str) -> None:
    assert folder.load(f"{_url(url)}{more}\n").configuration.endpoints["ledger"].url == url


def test_one_mistake_in_allow_private_does_not_make_the_url_another(folder: Folder) -> None:
    problems = folder.problems(_url("http://10.0.0.1/") + 'allow_private = ["x"]\n')
    assert [problem.partition(": ")[0] for problem in problems] == ["watcher.toml:4"]


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("abc", "does not begin with whsec_"),
        ("whsec_***", "is not base64 after whsec_"),
        ("whsec_" + base64.b64encode(bytes(23)).decode(), "holds 23 bytes"),
        ("whsec_" + base64.b64encode(bytes(65)).decode(), "holds 65 bytes"),
    ],
)
def test_a_secret_that_cannot_sign_is_refused_and_not_shown(folder: Folder, secret: str, words: str) -> None:
    folder.environment["WHSEC"] = secret
    assert folder.problems(ENDPOINT) == [
        f"watcher.toml:3: endpoints.ledger.secrets[0]: {words}, must be whsec_ and the base64 of 24 to 64 bytes"
    ]


def test_an_endpoint_needs_a_url_and_a_secret(folder: Folder) -> None:
    assert folder.problems("[endpoints.a]\n[endpoints.b]\nurl = 'https://b.com'\nsecrets = []\n") == [
        "watcher.toml:1: endpoints.a.url: is missing, must be set",
        "watcher.toml:1: endpoints.a.secrets: is missing, must be set",
        'watcher.toml:4: endpoints.b.secrets: has none, must have one or more such as { env = "NAME" }',
    ]


def test_headers_may_be_secrets_and_are_never_shown(folder: Folder) -> None:
    endpoint = _endpoint(folder, 'headers = { authorization = { env = "KEY" }, x-team = "billing" }')
    assert endpoint.headers["authorization"].get_secret_value() == "k-123"
    assert endpoint.headers["x-team"].get_secret_value() == "billing"
    assert "k-123" not in repr(endpoint)


def test_a_glob_that_matches_no_source_is_only_warned_about(folder: Folder) -> None:
    assert folder.warnings(f'{SOURCE}{ENDPOINT}sources = ["acme", "eu-*"]\n') == [
        'watcher.toml:7: endpoints.ledger.sources[1]: "eu-*" matches no source'
    ]
