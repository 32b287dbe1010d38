"""Asking the API as a script would, and holding every answer to what all answers have."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from watcher.daemon.service import Service

TOKEN = "token-e5f6a7b8"


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def document(self) -> Any:  # noqa: ANN401 -- JSON
        return json.loads(self.text)


@dataclass(frozen=True)
class Client:
    url: str
    session: aiohttp.ClientSession
    service: Service

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = TOKEN,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        data: bytes | Mapping[str, str] | None = None,
    ) -> Answered:
        """`path` is sent as it is given, percent signs included."""
        headers = dict(headers or {})
        if token is not None:
            headers.setdefault("Authorization", f"Bearer {token}")
        if body is not None:
            data = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        request = self.session.request(
            method, URL(self.url + path, encoded=True), headers=headers, data=data, allow_redirects=False
        )
        async with request as answer:
            found = Answered(answer.status, answer.headers, await answer.text())
        assert found.headers["Cache-Control"] == "no-store"
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        assert found.headers["Server"] == "invoice-watcher"
        if found.status >= 400 and "html" not in found.headers["Content-Type"] and not path.startswith("/readyz"):
            assert found.headers["Content-Type"] == "application/problem+json"
            if method != "HEAD":
                assert found.document["status"] == found.status
        return found

    async def get(self, path: str) -> Any:  # noqa: ANN401 -- JSON
        found = await self.ask("GET", path)
        assert found.status == 200, found.text
        return found.document

    async def post(self, path: str, status: int, body: object = None) -> Any:  # noqa: ANN401 -- JSON
        found = await self.ask("POST", path, body=body)
        assert found.status == status, found.text
        return found.document


def segment(invoice_id: str) -> str:
    return quote(invoice_id, safe="")
