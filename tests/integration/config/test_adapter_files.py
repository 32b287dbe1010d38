"""Adapter files in a configuration: how they are found, and that every mistake is named with file, line and key."""

import shutil
from pathlib import Path

import pytest

from tests.fakes.adapter_files import FOLDER, file_adapter
from tests.integration.config.folder import Folder
from watcher.config.adapters.examples import run_examples
from watcher.config.adapters.files import load_adapter
from watcher.config.adapters.read import LARGEST_FILE
from watcher.core.errors import ConfigError
from watcher.daemon.replica import config_digest

TALLY = (FOLDER / "tally.toml").read_text()
CONFIG = """\
[watcher]
adapters = ["adapters/*.toml"]

[sources.north]
provider = "tally"
api_key = { env = "KEY" }
"""


@pytest.fixture
def adapters(folder: Folder) -> Folder:
    folder.write(TALLY, "adapters/tally.toml")
    folder.write(CONFIG)
    return folder


def changed(old: str, new: str) -> str:
    assert TALLY.count(old) == 1, old
    return TALLY.replace(old, new)


def test_a_source_uses_the_provider_of_a_file_with_its_keys_and_defaults(adapters: Folder) -> None:
    source = adapters.load(CONFIG + 'team = "north"\n').configuration.sources["north"]
    assert (source.kind.name, source.base_url, source.rate) == ("tally", "https://api.tally.example/v2", 10.0)
    assert (source.texts, source.options) == ({"team": "north"}, {})
    assert adapters.load(CONFIG).configuration.sources["north"].texts == {"team": "billing"}


def test_replicas_with_different_adapter_files_have_different_configurations(adapters: Folder) -> None:
    before = config_digest(adapters.load().configuration)
    adapters.write(f"# a comment\n{TALLY}", "adapters/tally.toml")
    assert config_digest(adapters.load().configuration) == before
    adapters.write(changed('unit = "minor"', 'unit = "major"'), "adapters/tally.toml")
    assert config_digest(adapters.load().configuration) != before


def test_what_such_a_source_lacks_or_has_too_much_is_a_mistake(adapters: Folder) -> None:
    text = CONFIG.replace("api_key", "api_kee")
    assert adapters.problems(text) == [
        (
            "watcher.toml:4: sources.north.api_key: is missing, must say where the secret is, such as "
            '{ env = "NORTH_API_KEY" }'
        ),
        (
            'watcher.toml:6: sources.north.api_kee: is not a known key (did you mean "api_key"?), allowed: provider, '
            "base_url, timezone, rate, timeout, enabled, discover, hints, api_key, team, policy, every, cron, fastest, "
            "slowest, weight, confirm_deleted"
        ),
    ]


def test_a_pattern_without_files_is_a_warning_and_a_missing_file_a_mistake(folder: Folder) -> None:
    text = '[watcher]\nadapters = ["none/*.toml", "gone.toml"]\n'
    assert folder.problems(text) == ["gone.toml:1: cannot be read: No such file or directory"]
    (warning, *_) = folder.warnings('[watcher]\nadapters = ["none/*.toml"]\n')
    assert warning == 'watcher.toml:2: watcher.adapters[0]: "none/*.toml" matches no file'


def test_a_name_is_taken_once(adapters: Folder) -> None:
    adapters.write(TALLY, "adapters/zwei.toml")
    adapters.write(changed('name = "tally"', 'name = "meteroid"'), "adapters/third.toml")
    assert adapters.problems() == [
        'adapters/third.toml:3: name: "meteroid" is the name of a built-in provider already, must be one of its own',
        (
            f'adapters/zwei.toml:3: name: "tally" is the name of {adapters.path}/adapters/tally.toml already, '
            "must be one of its own"
        ),
    ]


def test_a_source_of_a_file_with_mistakes_is_no_further_mistake(adapters: Folder) -> None:
    text = changed('path = "/bills/{id}"', 'path = "bills/{id}"')
    adapters.write(text, "adapters/tally.toml")
    (problem,) = adapters.problems()
    line = text[: text.index('path = "bills/{id}"')].count("\n") + 1
    assert problem.startswith(f'adapters/tally.toml:{line}: invoice.path: "bills/{{id}}" is not a path')


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "tally"', 'name = "Tally"', 'name: "Tally" is not a name, must be 1 to 64 of a to z'),
        ('name = "tally"', "name = 5", "name: 5 is not text"),
        ('about = "https://tally.example/docs"', "about = 5", "about: 5 is not allowed, must be text in quotes"),
        ("[refusal]", "[refusals]", 'refusals: is not a known key (did you mean "refusal"?), allowed: name, about'),
        ('rate = "10/s"', "rate = 10", 'http.rate: 10 is not text, must be a rate such as "5/s"'),
        ('"https://api.tally.example/v2"', '"http://api.tally.example"', "http.base_url: is http, must be https"),
        ('{ option = "team" }', '{ optoin = "team" }', "http.headers.Tally-Team: a table is not allowed, must be text"),
        ('{ option = "team" }', '{ option = "tame" }', 'http.options: has no "tame", which a request uses'),
        ('options = { team = "billing" }', 'options = { rate = "x" }', 'http.options.rate: "rate" is a key of every'),
        ('"Tally-Version" =', '"Host" =', "http.headers.Host: is set by the sender"),
        ('type = "bearer"', 'type = "bear"', 'auth.type: "bear" is unknown (did you mean "bearer"?), must be none'),
        ('type = "bearer"', 'type = "basic"', 'auth.token: does not belong to type "basic", allowed: user or password'),
        ('token = "api_key"', 'token = "api key"', 'auth.token: "api key" is not a key, must begin with a letter'),
        (
            'status = [404]\nwhere = "error.code !=',
            'status = [40]\nwhere = "error.code !=',
            "answers[0].status[0]: 40 is out of bounds",
        ),
        (
            "where = \"error.code != 'no_such_bill'\"",
            'where = "error.code !="',
            'answers[0].where: "error.code !=" is not JMESPath',
        ),
        ('means = "refused"\n\n[refusal]', 'means = "missing"\n\n[refusal]', 'answers[0].means: "missing" is unknown'),
        (
            'path = "/bills/{id}"',
            'path = "/bills"',
            'invoice.path: "/bills" does not say which invoice, must have {id}',
        ),
        ('path = "/bills/{id}"', 'path = "https://evil.example/{id}"', "is not a path, must begin with one"),
        ('path = "/bills/{id}"', 'path = "//evil.example/{id}"', "is not a path, must begin with one"),
        ('path = "/bills/{id}"', 'path = "/../{id}"', "leaves the base URL, must have no . or .. in it"),
        ('path = "/bills/{id}"', 'path = "/bills/{id}?x=1"', "is not a path, must begin with one"),
        ('path = "/bills/{id}"', 'path = "/bills/{name}/{id}"', "is not a path"),
        ('document = "bill"', 'document = "bill."', 'invoice.document: "bill." is not a path, must be keys such as'),
        ('query = { limit = "1" }', "query = { limit = 1 }", 'probe.query: "limit": 1 is not allowed, must be text in'),
        (
            'by = "after_id", parameter = "after"',
            'by = "after_id"',
            "list.pages.parameter: is missing, must be set where",
        ),
        (
            'by = "after_id"',
            'by = "cursor"',
            'list.pages.next: selects the next cursor: must be set where by is "cursor"',
        ),
        ("size = 100", "size = 10000", "list.pages.size: 10000 is out of bounds, must be 1 to 1000"),
        ('more = "more"', 'more = "more("', 'list.pages.more: "more(" is not JMESPath'),
        ('times = "unix"', 'times = "unixx"', 'map.times: "unixx" is unknown (did you mean "unix"?), must be iso'),
        (
            'number = "number"\nissued',
            'nubmer = "number"\nissued',
            'map.nubmer: is not a known key (did you mean "number"?)',
        ),
        ('due_at = "due"', 'due_at = "due"\ndue_on = "due"', "map.due_on: stands beside due_at, must be one of them"),
        ('customer_id = "customer.id"', "customer_id = 5", "map.customer_id: 5 is not a selection, must be JMESPath"),
        (
            'line_count = { count = "lines" }',
            'line_count = { cuont = "lines" }',
            "map.line_count.cuont: is not a known",
        ),
        ('sent = "open"', 'sent = "opened"', 'map.status.words.sent: "opened" is unknown (did you mean "open"?)'),
        ('sent = "open"', '"sent/x" = "open"', 'map.status.words."sent/x": has 2 words, must have 1 with /'),
        (
            'sent = "open"',
            'sent = "open", S-ENT = "void"',
            "map.status.words.S-ENT: is there already in another spelling",
        ),
        ("[map.status]", '[map.absent]\nurl = "x"\npaid = "x"\n[map.status]', "map.absent.paid: is not what a map can"),
        ("[map.status]", '[map.absent]\nnumber = "x"\n[map.status]', "map.absent.number: says why it is absent, but"),
        ('currency = "currency"\n', "", "map.amounts.currency: is missing, must be set"),
        ('unit = "minor"', 'unit = "cents"', 'map.amounts.unit: "cents" is unknown, must be minor or major'),
        (
            'paid = "$received"',
            'paid = "$recieved"',
            'map.amounts.paid: "$recieved" is not a value of map.values (did you',
        ),
        (
            'status = "uncollectible" }, then',
            'status = "lost" }, then',
            'map.amounts.written_off.if.status: "lost" is not',
        ),
        (
            'answer = \'{"error": {"code": "no_such_bill"',
            'answr = \'{"error": {"code": "no_such_bill"',
            "example[1].answr: is not a known key",
        ),
        ('means = "gone"', "", "example[1]: has none or several of expect, means and ids"),
        ('ids = ["b_1", "b_2"]', "", "example[3]: has none or several of expect, means and ids"),
        ('type = "hmac"', 'type = "jwt"', 'hints.type: "jwt" is unknown, must be standard_webhooks, hmac, timestamped'),
        (
            'type = "hmac"',
            'type = "key"',
            'hints.encoding: does not belong to type "key", allowed: header, ids, prefix',
        ),
        ('header = "Tally-Signature"', "", 'hints.header: is missing, must be set where type is "hmac"'),
        ('"Tally-Signature"', '"Tally Signature"', 'hints.header: "Tally Signature" is not the name of a header'),
        ('encoding = "hex"', 'over = "url"', 'hints.over: "url" is unknown, must be body or url_and_body'),
        ('ids = ["bill_id", "bill_ids"]', "ids = []", "hints.ids: "),
        ('ids = ["bill_id", "bill_ids"]', 'ids = "sum(a)"', 'hints.ids[0]: "sum(a)" calls sum(), allowed: contains'),
        ('prefix = "b_"', 'where = "type =="', 'hints.where: "type ==" is not JMESPath'),
        ('prefix = "b_"', 'prefx = "b_"', 'hints.prefx: is not a known key (did you mean "prefix"?), allowed: type'),
        (
            '[hints]\ntype = "hmac"',
            '[map.hints]\ntype = "hmac"',
            "example[3].ids: is for webhooks, and the file has no",
        ),
    ],
)
def test_every_mistake_is_named_with_file_line_and_key(adapters: Folder, old: str, new: str, problem: str) -> None:
    adapters.write(changed(old, new), "adapters/tally.toml")
    found = adapters.problems()
    assert any(problem in one for one in found), found
    mine = [one for one in found if "sources.north.provider" not in one]
    assert all(one.startswith("adapters/tally.toml:") for one in mine), found


def test_tables_that_have_to_be_there_are_named_all_at_once(folder: Folder) -> None:
    folder.write('name = "empty"\n', "adapters/empty.toml")
    assert folder.problems(CONFIG.partition("\n\n")[0]) == [
        f"adapters/empty.toml:1: {name}: is missing, must be a table [{name}]"
        for name in ("auth", "invoice", "probe", "map")
    ]


def test_a_file_that_is_no_adapter_is_refused_as_a_whole(adapters: Folder) -> None:
    adapters.write("name = ", "adapters/a.toml")
    adapters.write("#" * (LARGEST_FILE + 1), "adapters/b.toml")
    adapters.write(f"x = {'[' * 5000}{']' * 5000}", "adapters/c.toml")
    problems = adapters.problems()
    assert [one.partition(": ")[0] for one in problems] == [
        "adapters/a.toml:1",
        "adapters/b.toml:1",
        "adapters/c.toml:1",
    ]
    assert f"is larger than {LARGEST_FILE // 1024} KiB" in problems[1]
    assert "nested too deep" in problems[2]


def test_an_adapter_file_can_name_no_secret_of_the_machine(folder: Folder) -> None:
    """Its credentials are keys of a source; where a secret is stands in the configuration alone."""
    for place in ('{ env = "HOME" }', '{ file = "/etc/passwd" }'):
        folder.write(changed('token = "api_key"', f"token = {place}"), "adapters/tally.toml")
        assert "auth.token" in folder.problems(CONFIG)[0]
        folder.write(changed('{ option = "team" }', place), "adapters/tally.toml")
        assert "must be text in quotes or { credential" in folder.problems(CONFIG)[0]


def test_examples_say_what_differs(tmp_path: Path) -> None:
    text = changed('status = "partially_paid"', 'status = "open"').replace('paid = "50.00"', 'paid = "51.00"')
    text = text.replace('ids = ["b_1", "b_2"]', 'ids = ["b_1"]')
    text = text.replace('means = "gone"', 'means = "outage"').replace("line_count = 2", "lines = 2")
    (tmp_path / "tally.toml").write_text(text)
    problems = [problem for one in run_examples(load_adapter(tmp_path / "tally.toml")) for problem in one.problems]
    assert [problem.partition(": ")[2] for problem in problems] == [
        "example[0].expect.status: is 'open', but the map gives 'partially_paid'",
        "example[0].expect.amounts[0].paid: is '51.00', but the map gives '50.00'",
        (
            "example[0].expect.lines: is not a field that an adapter file decides, allowed: id, number, status, "
            "provider_status, payment_pending, failed_attempts, last_payment_error, amounts, issued_on, due_on, "
            "due_at, created_at, finalized_at, paid_at, voided_at, customer, line_count, url, payment_failed_inferred"
        ),
        'example[1].means: is "outage", but the answer means "gone"',
        "example[3].ids: is ['b_1'], but the webhook names ['b_1', 'b_2']",
    ]
    assert [one.problems for one in run_examples(file_adapter("tally"))] == [(), (), (), ()]


def test_an_answer_that_cannot_be_read_is_a_failed_example(tmp_path: Path) -> None:
    (tmp_path / "tally.toml").write_text(TALLY.replace('{"bill": {"id": "b_1"', '{"bill": {"di": "b_1"'))
    (first, *_) = run_examples(load_adapter(tmp_path / "tally.toml"))
    assert "example[0].answer: gives no snapshot: id: an id is expected, not null" in first.problems[0]


def test_one_file_on_its_own_raises_all_its_mistakes(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "tally.toml", tmp_path)
    (tmp_path / "tally.toml").write_text(TALLY.replace('unit = "minor"', "").replace('by = "after_id"', 'by = "x"'))
    with pytest.raises(ConfigError) as caught:
        load_adapter(tmp_path / "tally.toml")
    assert len(caught.value.problems) == 2
