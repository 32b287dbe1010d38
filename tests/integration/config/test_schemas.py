import tomllib
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from tests.fakes.provider_kinds import PROVIDER_KINDS
from tests.integration.config.folder import ENDPOINT, SOURCE
from watcher.config.json_schemas import config_schema, watchlist_schema


def _validator(schema: dict[str, object]) -> Any:  # noqa: ANN401 - jsonschema's stubs know no better
    validator = cast("Any", Draft202012Validator)
    validator.check_schema(schema)
    return validator(schema)


CONFIG: Any = _validator(config_schema(PROVIDER_KINDS))
WATCHLIST: Any = _validator(watchlist_schema())

_CHARGEOVER = """\
[sources.b]
provider = "chargeover"
public_key = { file = "a" }
private_key = { credential = "b" }
base_url = "https://b.chargeover.com/api/v3"
policy = "cron"
cron = "0 6 * * *"
"""


@pytest.mark.parametrize(
    "text",
    [
        "",
        SOURCE,
        ENDPOINT,
        _CHARGEOVER,
        '[watcher]\nkeep_settled = "forever"\ngrace = "1h30m"\n[database]\nurl = { env = "X" }\n',
        SOURCE + ENDPOINT + 'headers = { a = "b", c = { env = "X" } }\nretries = ["0s"]\nrate = "5/m"\n',
    ],
)
def test_the_schema_allows_what_is_right(text: str) -> None:
    assert list(CONFIG.iter_errors(tomllib.loads(text))) == []


@pytest.mark.parametrize(
    "text",
    [
        "[nope]",
        "[watcher]\ngracee = '1s'",
        "[watcher]\ngrace = 5",
        "[watcher]\ngrace = '1.5h'",
        "[polling]\npolicy = 'x'",
        "[log]\nlevel = 'x'",
        "[sources.acme]\nprovider = 'x'",
        "[sources.acme]\nprovider = 'meteroid'",
        SOURCE.replace("{", "'x' # {"),
        SOURCE + "client_id = { env = 'X' }",
        SOURCE.replace("acme", "Acme"),
        _CHARGEOVER.replace("base_url", "#"),
        ENDPOINT.replace("url", "#"),
        ENDPOINT + "rate = 5",
    ],
)
def test_the_schema_refuses_what_is_wrong(text: str) -> None:
    assert list(CONFIG.iter_errors(tomllib.loads(text))) != []


def test_the_schema_shows_defaults_as_the_file_has_them() -> None:
    properties: Any = config_schema(PROVIDER_KINDS)["properties"]
    watcher = properties["watcher"]["properties"]
    assert watcher["due_soon"]["default"] == ["7d", "1d"]
    assert watcher["keep_settled"]["default"] == "90d"
    assert properties["database"]["properties"]["url"]["default"] == "sqlite:///invoice-watcher.db"
    assert properties["endpoints"]["additionalProperties"]["properties"]["rate"]["default"] == "50/s"
    chargeover = properties["sources"]["additionalProperties"]["oneOf"][-1]["properties"]
    assert (chargeover["rate"]["default"], chargeover["timezone"]["default"]) == ("1/s", "America/Chicago")
    assert "default" not in chargeover["every"]


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("", True),
        ('source = "a"\ninvoices = ["1", 2]\ntags = ["x"]\n[[invoice]]\nid = 3\ndue_on = "2026-12-01"', True),
        ("invoices = [1]", False),
        ('source = "a"\ninvoices = [1.5]', False),
        ('source = "a"\n[[invoice]]\ntags = []', False),
        ('source = "a"\nids = []', False),
    ],
)
def test_the_schema_of_watch_lists_knows_good_from_bad(text: str, *, good: bool) -> None:
    assert (list(WATCHLIST.iter_errors(tomllib.loads(text))) == []) is good
