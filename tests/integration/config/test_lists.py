import time
from datetime import date

import pytest

from tests.integration.config.folder import SOURCE, Folder
from watcher.config.watchlists.lists import read_list
from watcher.core.errors import ConfigError
from watcher.ports import DesiredWatch

_CONFIG = f'[watcher]\nwatchlists = ["lists/*"]\n{SOURCE}'
_HEADER = "source,invoice_id,tags,due_on,note\n"
_COLUMNS = "the first line must name columns of source,invoice_id,tags,due_on,note"


def _entries(folder: Folder, **lists: str) -> tuple[DesiredWatch, ...]:
    for name, text in lists.items():
        folder.write(text, f"lists/{name.replace('_', '.')}")
    return folder.load(_CONFIG).entries


def test_a_toml_list_gives_plain_ids_and_tables(folder: Folder) -> None:
    entries = _entries(
        folder,
        a_toml="""\
source = "acme"
tags = ["vip"]
invoices = ["inv_1",
  1003]

[[invoice]]
id = "inv_3"
tags = ["legal", "vip"]
due_on = 2026-12-01
note = "ask Kim"

[[invoice]]
id = 7
due_on = "2026-12-02"
""",
    )
    where = f"{folder.path}/lists/a.toml"
    assert entries == (
        DesiredWatch("acme", "inv_1", ("vip",), None, None, where, 3),
        DesiredWatch("acme", "1003", ("vip",), None, None, where, 4),
        DesiredWatch("acme", "inv_3", ("vip", "legal"), date(2026, 12, 1), "ask Kim", where, 6),
        DesiredWatch("acme", "7", ("vip",), date(2026, 12, 2), None, where, 12),
    )


def test_a_csv_list_has_columns_in_any_order_quotes_and_blank_lines(folder: Folder) -> None:
    text = (
        '\ufeffnote,invoice_id,source,tags\r\n"two\r\nlines, ""quoted""",inv_1, acme,vip; legal;\r\n\r\n,0007,acme\r\n'
    )
    where = f"{folder.path}/lists/a.csv"
    assert _entries(folder, a_csv=text) == (
        DesiredWatch("acme", "inv_1", ("vip", "legal"), None, 'two\r\nlines, "quoted"', where, 2),
        DesiredWatch("acme", "0007", (), None, None, where, 5),
    )


def test_repeats_are_united_with_a_warning(folder: Folder) -> None:
    entries = _entries(
        folder,
        a_csv=f"{_HEADER}acme,1,vip,,\nacme,1,legal;vip,2026-12-01,second\n",
        b_toml='source = "acme"\ninvoices = [1]\n',
    )
    assert entries == (
        DesiredWatch("acme", "1", ("vip", "legal"), date(2026, 12, 1), "second", f"{folder.path}/lists/a.csv", 2),
    )
    first = f'invoice "1" of acme is listed at {folder.path}/lists/a.csv:2 already: both are united'
    assert folder.warnings()[:2] == [f"lists/a.csv:3: {first}", f"lists/b.toml:2: {first}"]


def test_different_due_days_name_both_places(folder: Folder) -> None:
    folder.write(f"{_HEADER}acme,1,,2026-12-01,\n", "lists/a.csv")
    folder.write('source = "acme"\n[[invoice]]\nid = 1\ndue_on = 2026-12-02\n', "lists/b.toml")
    (found,) = folder.problems(_CONFIG)
    assert found.startswith('lists/b.toml:2: due_on: 2026-12-02 for invoice "1" of acme differs from 2026-12-01 at ')
    assert found.endswith("lists/a.csv:2, must be the same")


def test_too_many_tags_together_name_both_places(folder: Folder) -> None:
    tags = [";".join(f"t{number}" for number in range(start, start + 11)) for start in (0, 11)]
    folder.write(f"{_HEADER}acme,1,{tags[0]}\nacme,1,{tags[1]}\n", "lists/a.csv")
    (found,) = folder.problems(_CONFIG)
    assert found.startswith('lists/a.csv:3: tags: invoice "1" of acme has 22 tags together with ')


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", f"1: has no header, {_COLUMNS}"),
        ("source;invoice_id\n", "1: has columns that are not separated by commas, must be comma-separated"),
        ("source\n", f'1: column "invoice_id" is missing, {_COLUMNS}'),
        ("source,invoice_id,tag\n", f'1: column "tag" is unknown (did you mean "tags"?), {_COLUMNS}'),
        ("source,invoice_id,source\n", f'1: column "source" is there twice, {_COLUMNS} once each'),
        (f"{_HEADER}acme,1,,,,x\n", "2: has 6 columns, must have the 5 of the header"),
        (f"{_HEADER}\n\nacm,1\n", '4: source: "acm" is not a source (did you mean "acme"?), must be acme'),
        (f"{_HEADER}acme,\n", "2: invoice_id: is empty, must be an invoice id of 1 to 255 characters"),
        (f"{_HEADER}acme,..\n", '2: invoice_id: ".." is not an invoice id, must be 1 to 255 characters, no control '),
        (f'{_HEADER}acme,"a\nb"\n', '2: invoice_id: "a\\nb" is not an invoice id, must be'),
        (f"{_HEADER}acme,{'x' * 256}\n", '2: invoice_id: "xxx'),
        (f"{_HEADER}acme,1,{'x' * 65}\n", "2: tags: is not a tag, must have 1 to 64 characters"),
        (f"{_HEADER}acme,1,,1.12.2026\n", '2: due_on: "1.12.2026" is not a day, must be one such as 2026-12-01'),
        (f"{_HEADER}acme,1,,2026-02-30\n", '2: due_on: "2026-02-30" is not a day, must be one such as 2026-12-01'),
        (f"{_HEADER}acme,1,,,{'x' * 1001}\n", "2: note: has 1001 characters, at most 1000"),
        (f'{_HEADER}acme,1\nacme,"2\n', "3: is not CSV: unexpected end of data"),
        (f'{_HEADER}acme,"1"x\n', "2: is not CSV: ',' expected after '\"'"),
    ],
)
def test_a_mistake_in_csv_is_reported_with_line_and_column(folder: Folder, text: str, problem: str) -> None:
    folder.write(text, "lists/a.csv")
    (found,) = folder.problems(_CONFIG)
    assert found.startswith(f"lists/a.csv:{problem}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("invoices = [1]\n", "1: source: is missing, must be the name of a source"),
        ("\nsource = 1\n", "2: source: 1 is not text, must be the name of a source in quotes"),
        ('\nsource = "acm"\ninvoices = [1]', '2: source: "acm" is not a source (did you mean "acme"?), must be acme'),
        ('source = "acme"\ninvoice_ids = []\n', '2: invoice_ids: is not a known key (did you mean "invoices"?)'),
        ('source = "acme"\ninvoices = 1\n', "2: invoices: 1 is not a list, must be one"),
        ('source = "acme"\ninvoices = [\n"a",\n1.5]\n', "4: invoices[1]: 1.5 is not an invoice id, must be text in"),
        ('source = "acme"\ninvoices = [true]\n', "2: invoices[0]: true is not an invoice id, must be text in quotes"),
        ('source = "acme"\ninvoices = ["."]\n', '2: invoices[0]: "." is not an invoice id, must be 1 to 255 charact'),
        ('source = "acme"\ninvoices = [""]\n', "2: invoices[0]: is empty, must be an invoice id of 1 to 255"),
        ('source = "acme"\ntags = "vip"\n', '2: tags: "vip" is not a list, must be one'),
        ('source = "acme"\ntags = [1]\n', "2: tags: has something that is not text, must be a list of texts in quotes"),
        ('source = "acme"\ninvoice = [1]\n', "2: invoice[0]: 1 is not a table, must be one with id, tags, due_on, not"),
        ('source = "acme"\n[[invoice]]\ntags = []\n', "2: invoice[0].id: is missing, must be an invoice id"),
        ('source = "acme"\n[[invoice]]\nid = 1\ndue = 1\n', "4: invoice[0].due: is not a known key"),
        ('source = "acme"\n[[invoice]]\nid = 1\nnote = 1\n', "4: invoice[0].note: 1 is not text, must be text in qu"),
        (
            'source = "acme"\n[[invoice]]\nid = 1\ndue_on = 2026-12-01T00:00:00\n',
            "4: invoice[0].due_on: 2026-12-01 00:00:00 is not a day, must be one such as 2026-12-01",
        ),
    ],
)
def test_a_mistake_in_toml_is_reported_with_line_and_key(folder: Folder, text: str, problem: str) -> None:
    folder.write(text, "lists/a.toml")
    (found,) = folder.problems(_CONFIG)
    assert found.startswith(f"lists/a.toml:{problem}")


def test_a_list_that_is_named_must_be_there_and_a_glob_need_not(folder: Folder) -> None:
    assert folder.problems('[watcher]\nwatchlists = ["a.csv"]\n') == [
        "a.csv:1: cannot be read: No such file or directory"
    ]
    assert folder.warnings('[watcher]\nwatchlists = [\n"none/*.csv"]\n')[0] == (
        'watcher.toml:3: watcher.watchlists[0]: "none/*.csv" matches no file'
    )


def test_only_toml_and_csv_are_lists(folder: Folder) -> None:
    folder.write("# Notes\n", "lists/README.md")
    assert "README.md is not a watch list, must end in .toml or .csv" in folder.warnings(_CONFIG)[0]
    (found,) = folder.problems('[watcher]\nwatchlists = ["lists/README.md"]\n')
    assert found.startswith("watcher.toml:2: watcher.watchlists[0]: ")


def test_a_folder_with_a_lists_name_is_reported(folder: Folder) -> None:
    (folder.path / "lists" / "a.toml").mkdir(parents=True)
    assert folder.problems(_CONFIG) == ["lists/a.toml:1: is a directory, must be a file"]


def test_a_file_that_two_patterns_name_is_read_once(folder: Folder) -> None:
    folder.write(f"{_HEADER}acme,1\n", "lists/a.csv")
    loaded = folder.load(f'[watcher]\nwatchlists = ["lists/*", "lists/../lists/a.csv"]\n{SOURCE}')
    assert len(loaded.entries) == 1
    assert not any("united" in warning for warning in loaded.warnings)


def test_an_empty_toml_list_lists_nothing_and_is_warned_about(folder: Folder) -> None:
    assert _entries(folder, a_toml="# nothing yet\n") == ()
    assert folder.warnings()[0] == "lists/a.toml: lists nothing"


def test_a_list_is_read_even_when_the_watcher_table_is_wrong_elsewhere(folder: Folder) -> None:
    folder.write("source = 1\n", "lists/a.toml")
    problems = folder.problems(_CONFIG.replace("[watcher]\n", '[watcher]\ngrace = "x"\n'))
    assert [problem.partition(": ")[0] for problem in problems] == ["watcher.toml:2", "lists/a.toml:1"]


@pytest.mark.parametrize("suffix", ["csv", "toml"])
def test_a_list_of_a_hundred_thousand_invoices_is_read_in_seconds(folder: Folder, suffix: str) -> None:
    rows = range(100_000)
    text = {
        "csv": lambda: _HEADER + "".join(f"acme,inv_{row},vip;x,2026-12-01,\n" for row in rows),
        "toml": lambda: 'source = "acme"\ninvoices = [\n' + "".join(f'"inv_{row}",\n' for row in rows) + "]\n",
    }[suffix]()
    folder.write(text, f"lists/a.{suffix}")
    started = time.process_time()
    entries = folder.load(_CONFIG).entries
    assert time.process_time() - started < 10
    assert len(entries) == len(rows)
    assert entries[-1].where == f"{folder.path}/lists/a.{suffix}:{100_001 if suffix == 'csv' else 100_002}"


def test_a_list_that_is_wrong_throughout_is_cut_short(folder: Folder) -> None:
    folder.write(_HEADER + "".join(f"inv_{row},acme\n" for row in range(100_000)), "lists/a.csv")
    problems = folder.problems(_CONFIG)
    assert len(problems) <= 103
    assert problems[0].startswith('lists/a.csv:2: source: "inv_0" is not a source')


def test_one_list_can_be_read_alone(folder: Folder) -> None:
    path = folder.write(f"{_HEADER}acme,1\nacme,1\n", "import.csv")
    entries, warnings = read_list(path, ["acme"])
    assert [entry.where for entry in entries] == [f"{path}:2"]
    assert len(warnings) == 1
    with pytest.raises(ConfigError, match=r'import\.csv:2: source: "acme" is not a source, must be one of \[sources\]'):
        read_list(path, [])
    with pytest.raises(ConfigError, match=r"is not a watch list, must end in \.toml or \.csv"):
        read_list(folder.write("", "import.txt"), ["acme"])


def test_a_list_that_leads_to_itself_is_reported(folder: Folder) -> None:
    (folder.path / "a.csv").symlink_to("a.csv")
    assert folder.problems('[watcher]\nwatchlists = ["a.csv"]\n') == [
        "a.csv:1: cannot be read: Too many levels of symbolic links"
    ]
