"""Lists of any length are printed page by page, as they are read."""

import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from tests.integration.cli.terminal import Terminal
from watcher.cli.options import Invocation
from watcher.cli.output import Item, field, print_pages
from watcher.ports.paging import PAGE, pages

COLUMNS = (field("id", "id"), field("state", "state"))


class Table:
    """So many rows, and what has been read of them."""

    def __init__(self, count: int) -> None:
        self.rows: list[Item] = [{"id": f"inv_{number:06}", "state": "active"} for number in range(count)]
        self.read_until = 0

    async def read(self, after: int | None, most: int) -> Sequence[Item]:
        start = 0 if after is None else after + 1
        self.read_until = start + most
        return self.rows[start : start + most]

    def place(self, item: Item) -> int:
        return self.rows.index(item)


async def test_every_row_comes_once_in_order_under_one_head(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(2 * PAGE + 1)
    await print_pages(Invocation(), pages(table.read, table.place), COLUMNS, empty="None.")
    head, rule, *lines = capsys.readouterr().out.splitlines()
    assert (head.split(), set(rule)) == (["id", "state"], {"─"})
    assert [line.split()[0] for line in lines] == [row["id"] for row in table.rows]
    assert {line.index("active") for line in lines} == {head.index("state")}


async def test_the_first_rows_are_printed_before_the_next_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(2 * PAGE)
    found = pages(table.read, table.place)
    await print_pages(Invocation(as_json=True), _first_of(found), COLUMNS, empty="None.")
    assert len(capsys.readouterr().out.splitlines()) == PAGE
    assert table.read_until == PAGE


async def _first_of(found: AsyncGenerator[Sequence[Item]]) -> AsyncGenerator[Sequence[Item]]:
    yield await anext(found)
    await found.aclose()


async def test_a_limit_ends_the_reading(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(3 * PAGE)
    await print_pages(Invocation(as_json=True), pages(table.read, table.place, PAGE + 7), COLUMNS, empty="None.")
    assert len(capsys.readouterr().out.splitlines()) == PAGE + 7
    assert table.read_until == PAGE + 7


async def test_a_list_without_rows_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(0)
    await print_pages(Invocation(), pages(table.read, table.place), COLUMNS, empty="None.")
    assert capsys.readouterr() == ("", "None.\n")


@pytest.fixture
def watched(terminal: Terminal) -> Terminal:
    """1,203 watches, a third of them with the tag vip, in a database that `run` has never seen."""
    rows = (f"acme,inv_{number:05},{'vip' if number % 3 == 0 else ''},,\n" for number in range(1203))
    (terminal.folder / "more.csv").write_text("source,invoice_id,tags,due_on,note\n" + "".join(rows))
    assert terminal.type("watch import more.csv").code == 0
    return terminal


def test_watches_are_filtered_and_limited(watched: Terminal) -> None:
    tagged = watched.type("watch list --json --tag vip --state active --source acme").lines
    assert [row["invoice_id"] for row in tagged] == [f"inv_{number:05}" for number in range(0, 1203, 3)]
    assert len(watched.type("watch list --json --limit 601").lines) == 601
    assert len(watched.type("watch list").out.splitlines()) == 2 + 1203
    nobody = watched.type("watch list --state failing")
    assert (nobody.out, nobody.err) == ("", "No watch matches.\n")


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_reader_that_goes_away_ends_the_list_quietly(watched: Terminal, form: list[str]) -> None:
    list_command = [sys.executable, "-m", "watcher", "watch", "list", *form]
    environment = {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(  # noqa: S603 -- our own program
        list_command, cwd=watched.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as listing:
        assert listing.stdout
        assert listing.stderr
        assert listing.stdout.readline()
        listing.stdout.close()
        assert listing.stderr.read() == ""
