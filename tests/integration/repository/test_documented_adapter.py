"""The guide's sixth provider, put into a copy of this program as the guide says."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.provider_server import StillClock, UnlimitedRate, adapter, provider_server
from tests.fakes.wire_documents import ANY_JSON, JsonObject
from tests.integration.repository import ROOT
from tests.integration.repository.documents import blocks, commands
from watcher.core import json_text
from watcher.core.errors import InvalidAnswer
from watcher.core.invoices.invoice import Invoice
from watcher.core.json_text import Document
from watcher.ports import Found
from watcher.providers.toolkit.kind import ProviderKind
from watcher.providers.toolkit.session import open_session

GUIDE = ROOT / "docs" / "adapter.md"
ADAPTER, TESTS = Path("watcher/providers/example.py"), Path("tests/contract/providers/test_example.py")
TABLE, DOCUMENT = Path("watcher/providers/__init__.py"), Path("tests/data/example_invoice.json")
CONFIGURATION = """
[sources.sixth]
provider = "example"
api_key = { env = "KEY" }
rate = "1/s"
"""


@pytest.fixture(scope="module", name="program")
def fixture_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this program that has the example."""
    program = tmp_path_factory.mktemp("program")
    for folder in ("watcher", "tests"):
        shutil.copytree(ROOT / folder, program / folder, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    shutil.copy(ROOT / "pyproject.toml", program)
    shown = {name: block for block in blocks(GUIDE, "python") if (name := block.partition("\n")[0].removeprefix("# "))}
    assert shown.keys() == {str(ADAPTER), str(TESTS)}
    for name, block in shown.items():
        (program / name).write_text(block, "utf-8")
    (document,) = blocks(GUIDE, "json")
    (program / DOCUMENT).write_text(document, "utf-8")
    (change,) = blocks(GUIDE, "diff")
    (program / TABLE).write_text(applied((program / TABLE).read_text("utf-8"), change), "utf-8")
    return program


@pytest.fixture(scope="module", name="module")
def fixture_module(program: Path) -> ModuleType:
    """The example's adapter alone, in this process."""
    spec = importlib.util.spec_from_file_location("watcher.providers.example", program / ADAPTER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def published() -> JsonObject:
    (document,) = blocks(GUIDE, "json")
    return cast("JsonObject", json_text.read(document))


def applied(text: str, change: str) -> str:
    for hunk in change.split("\n\n"):
        before = "".join(f"{line[1:]}\n" for line in hunk.splitlines() if line[0] in " -")
        after = "".join(f"{line[1:]}\n" for line in hunk.splitlines() if line[0] in " +")
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


def run(program: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in the copy, which comes before what is installed."""
    return subprocess.run(  # noqa: S603 -- our own interpreter, and words of this repository
        [sys.executable, "-m", *words],
        cwd=program,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_example_passes_its_own_tests_and_those_of_every_provider_but_what_asks_a_double(program: Path) -> None:
    (command,) = commands(GUIDE, ".venv/bin/python")
    output = run(program, *shlex.split(command)[2:], "-q", "-p", "no:cacheprovider").stdout
    outcomes = {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|error|skipped)", output)}
    failed = re.findall(r"^FAILED (\S+)::", output, re.MULTILINE)
    assert outcomes.keys() == {"passed", "failed"}, output
    assert failed == ["tests/contract/providers/test_lists.py"] * 3
    assert "Three cases of `test_lists.py` fail now" in GUIDE.read_text("utf-8")
    own = blocks(GUIDE, "python")[1].count("def test_")
    assert outcomes["passed"] >= own + 9


def test_the_example_is_configured_like_any_provider(program: Path) -> None:
    (program / "watcher.toml").write_text(CONFIGURATION, "utf-8")
    checked = run(program, "watcher", "check", "--config", "watcher.toml", KEY="key_1")
    assert checked.returncode == 0, checked.stderr
    assert "1 source" in checked.stdout


@pytest.mark.parametrize("words", [("check",), ("format", "--check")])
def test_the_example_is_written_as_everything_here(words: tuple[str, ...], program: Path) -> None:
    checked = run(program, "ruff", *words, "--no-cache", str(ADAPTER), str(TESTS), str(TABLE))
    assert checked.returncode == 0, checked.stdout


async def test_its_list_is_read_by_cursor_and_a_row_equals_the_poll_by_id(module: ModuleType) -> None:
    kind: ProviderKind = module.KIND
    limiter = UnlimitedRate()
    async with provider_server() as server, open_session() as session:
        asked = published() | {"id": "in/42"}
        server.answer({"data": [asked, published() | {"id": "in_43", "status": "paid"}], "next_cursor": "a/b"})
        server.answer(b'{"data": [], "next_cursor": null}')
        server.answer(asked)
        provider = adapter(kind, session, server.url, StillClock(), {"api_key": "key_1"})
        page = await provider.list_page(None, limiter)
        last = await provider.list_page(page.next_page, limiter)
        result = (await provider.fetch(["in/42"], limiter)).results["in/42"]
    assert isinstance(result, Found)
    assert page.rows[0].result is not None
    assert page.rows[0].result.fingerprint == result.fingerprint
    assert [(row.invoice_id, row.is_settled) for row in page.rows] == [("in/42", False), ("in_43", True)]
    assert (last.rows, last.next_page) == ((), None)
    first = "/v1/invoices?status=draft,open,processing&limit=100"
    assert [asked.path for asked in server.asked] == [first, f"{first}&cursor=a%2Fb", "/v1/invoices/in%2F42"]
    assert {asked.headers["Authorization"] for asked in server.asked} == {"Bearer key_1"}
    assert limiter.asked == 3


@given(st.dictionaries(st.sampled_from(sorted(published())), ANY_JSON, max_size=4))
def test_whatever_stands_in_a_field_of_its_documents_is_read_or_refused(
    module: ModuleType, changes: JsonObject
) -> None:
    to_invoice: Callable[[Document], Invoice] = module.to_invoice
    with suppress(InvalidAnswer):
        assert isinstance(to_invoice(published() | changes), Invoice)
