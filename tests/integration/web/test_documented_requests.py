"""The requests that the documents show with curl, sent to a real service."""

import re
import shlex
from pathlib import Path

import pytest

from tests.integration.repository import ROOT
from tests.integration.repository.documents import DOCUMENTS, commands
from tests.integration.web.client import TOKEN
from tests.integration.web.conftest import served
from watcher.store import Store
from watcher.web.api.operation_kinds import API
from watcher.web.api.routes import OPERATIONS

BASE = "http://127.0.0.1:8480"
_HINTS = "https://hooks.example.com/hints/"
"""Sent by `tests/acceptance/test_hints.py`."""
SHOWN = sorted({command for document in DOCUMENTS for command in commands(document, "curl") if _HINTS not in command})


@pytest.mark.parametrize("shown", SHOWN)
async def test_a_documented_request_is_answered(shown: str, sqlite_store: Store, tmp_path: Path) -> None:
    method, url, headers, data = "GET", "", dict[str, str](), None
    words = iter(shlex.split(shown.replace("$INVOICE_WATCHER_TOKEN", TOKEN))[1:])
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d":
                data = next(words).encode()
            case _:
                url = word
    assert url.startswith(BASE)
    async with served(tmp_path, sqlite_store, token="Authorization" in headers) as client:
        if method == "PATCH":
            await client.post(f"{API}/watches", 201, {"source": "acme", "invoice_id": "inv_7"})
        client.service.feed.close()  # or `wait` would wait for an event that does not come
        answered = await client.ask(method, url.removeprefix(BASE), token=None, headers=headers, data=data)
    assert answered.status == (201 if method == "POST" else 200), answered.text


def test_the_operators_page_names_every_path_that_is_served() -> None:
    page = (ROOT / "docs" / "operator.md").read_text("utf-8")
    rows = re.findall(r"^\| `(GET|POST|PATCH|DELETE) (.+)$", page, re.MULTILINE)
    for operation in OPERATIONS:
        below_api = operation.path.removeprefix(f"{API}/")
        words = [part for part in below_api.split("/") if not part.startswith("{")]
        listed = any(method == operation.method and all(word in row for word in words) for method, row in rows)
        assert listed or f"`{operation.path.partition('{')[0]}" in page, operation.path
