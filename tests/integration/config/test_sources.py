from datetime import timedelta

import pytest

from tests.integration.config.folder import SOURCE, Folder
from watcher.config.settings import Policy

_OTHERS = {
    "fragment": 'client_id = { env = "KEY" }\nclient_secret = { env = "KEY" }\n',
    "dollr": 'client_id = { env = "KEY" }\nclient_secret = { env = "KEY" }\n',
    "rapyd": 'access_key = { env = "KEY" }\nsecret_key = { env = "KEY" }\n',
    "chargeover": 'public_key = { env = "KEY" }\nprivate_key = { env = "KEY" }\n',
}


def _source(provider: str, more: str = "") -> str:
    return f'[sources.x]\nprovider = "{provider}"\n{_OTHERS[provider]}{more}'


@pytest.mark.parametrize(
    ("provider", "base_url", "rate"),
    [
        ("fragment", "https://api.us-west-2.fragment.dev/billing", 5.0),
        ("dollr", "https://api.heydollr.app", 2.0),
        ("rapyd", "https://api.rapyd.net", 3.0),
    ],
)
def test_a_source_takes_its_providers_defaults(folder: Folder, provider: str, base_url: str, rate: float) -> None:
    source = folder.load(_source(provider)).configuration.sources["x"]
    assert (source.base_url, source.rate, source.timezone.key) == (base_url, rate, "UTC")
    assert {secret.get_secret_value() for secret in source.credentials.values()} == {"k-123"}


def test_an_option_of_the_provider_can_be_set(folder: Folder) -> None:
    text = _source("fragment", 'token_url = "https://auth.example.com/token"\n')
    assert folder.load(text).configuration.sources["x"].options == {"token_url": "https://auth.example.com/token"}


def test_chargeover_counts_days_in_chicago_and_needs_its_own_url(folder: Folder) -> None:
    assert folder.problems(_source("chargeover")) == ["watcher.toml:1: sources.x.base_url: is missing, must be set"]
    text = _source("chargeover", 'base_url = "https://acme.chargeover.com/api/v3/"\n')
    source = folder.load(text).configuration.sources["x"]
    assert source.base_url == "https://acme.chargeover.com/api/v3"
    assert source.timezone.key == "America/Chicago"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('base_url = "ftp://x.com"', "base_url: is not a URL with scheme and host, must be one such as"),
        ('base_url = "http://api.example.com"', "base_url: is http, must be https except for loopback and private"),
        ('base_url = "http://8.8.8.8"', "base_url: is http, must be https except for loopback and private addresses"),
        ('base_url = "https://a:b@x.com"', "base_url: holds a user name or password, must have none before its host"),
        ('base_url = "https://x.com/?a=1"', "base_url: has a query or a fragment, must be scheme, host and perhaps"),
        ('base_url = "https://x.com/#a"', "base_url: has a query or a fragment, must be scheme, host and perhaps"),
        ('base_url = "https://x.com:0"', "base_url: has the port 0, must be 1 to 65535"),
        ('base_url = "https://x.com:99999"', "base_url: is not a URL, must be one such as"),
        ('base_url = "https://x.com/a b"', "base_url: holds spaces, control characters or backslashes, must be"),
        ("rate = 5.0", 'rate: 5.0 is not text, must be a rate such as "5/s"'),
        ("rate = 5", 'rate: 5 is not text, must be a rate such as "5/s"'),
        ('rate = "5"', 'rate: "5" is not a rate, allowed: a whole number per s, m or h, such as "5/s" or "30/m"'),
        ('timezone = "Europe/Berlim"', 'timezone: "Europe/Berlim" is not a time zone (did you mean "Europe/Berlin"?)'),
        ('timezone = "../etc/passwd"', 'timezone: "../etc/passwd" is not a time zone'),
        ('timezone = "Europe"', 'timezone: "Europe" is not a time zone'),
        ('timezone = ""', 'timezone: "" is not a time zone'),
        ('timeout = "0s"', 'timeout: "0s" is too short, must be more than 0'),
        ('timeout = "1h"', 'timeout: "1h" is too long, at most "10m"'),
        ("enabled = 1", "enabled: 1 is not allowed, must be true or false"),
        ('every = "0s"', 'every: "0s" is too short, must be more than 0'),
        ('slowest = "1s"', 'slowest: "1s" is shorter than fastest, must be "1m" or more'),
    ],
)
def test_a_wrong_key_of_a_source_is_reported_at_its_line(folder: Folder, line: str, problem: str) -> None:
    (found,) = folder.problems(f"{SOURCE}{line}\n")
    assert found.startswith(f"watcher.toml:4: sources.acme.{problem}")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8084", "http://[::1]:1", "http://10.1.2.3", "http://localhost:1/", "http://billing:8084"]
)
def test_plain_http_is_for_loopback_private_addresses_and_local_names(folder: Folder, url: str) -> None:
    source = folder.load(f'{SOURCE}base_url = "{url}"\n').configuration.sources["acme"]
    assert source.base_url == url.rstrip("/")


def test_a_missing_credential_says_how_to_give_it(folder: Folder) -> None:
    (found,) = folder.problems('[sources.my-acme]\nprovider = "meteroid"\n')
    assert found.startswith("watcher.toml:1: sources.my-acme.api_key: is missing, must say where the secret is")
    assert found.endswith('such as { env = "MY_ACME_API_KEY" }')


def test_a_source_needs_a_provider_that_exists(folder: Folder) -> None:
    known = "must be fragment, meteroid, dollr, rapyd or chargeover"
    assert folder.problems('[sources.a]\n[sources.b]\nprovider = "meteorid"\n[sources.c]\nprovider = 3\n') == [
        f"watcher.toml:1: sources.a.provider: is missing, {known}",
        f'watcher.toml:3: sources.b.provider: "meteorid" is unknown (did you mean "meteroid"?), {known}',
        f"watcher.toml:5: sources.c.provider: 3 is unknown, {known}",
    ]


@pytest.mark.parametrize("name", ["Acme", "a.b", "", "a" * 65, "\u00e4"])
def test_a_name_has_only_the_allowed_characters(folder: Folder, name: str) -> None:
    (found,) = folder.problems(SOURCE.replace("acme", f'"{name}"'))
    assert found.startswith("watcher.toml:1: sources.")
    assert found.endswith("is not a name, must be 1 to 64 of a to z, 0 to 9, _ and -")


def test_polling_keys_of_a_source_lie_over_the_defaults(folder: Folder) -> None:
    configuration = folder.load(
        f'[polling]\nevery = "5m"\ncron = "0 6 * * *"\n{SOURCE}policy = "cron"\nslowest = "2h"\n'
    ).configuration
    own = configuration.sources["acme"].polling
    assert (own.policy, own.every, own.cron, own.slowest) == (
        Policy.CRON,
        timedelta(minutes=5),
        "0 6 * * *",
        timedelta(hours=2),
    )
    assert configuration.polling.cron is None


def test_a_mistake_in_the_polling_defaults_is_not_reported_again_for_each_source(folder: Folder) -> None:
    problems = folder.problems(f'[polling]\nevery = "x"\nfastest = "48h"\n{SOURCE}slowest = "3h"\n')
    assert [problem.partition(": ")[0] for problem in problems] == ["watcher.toml:1", "watcher.toml:2"]
