"""A client of the APIs written from their documentation, apart from the watcher's own adapters."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from tests.fakes.clock import FakeClock
from watcher.sandbox import Sandbox


class MovableClock(FakeClock):
    """Sleeping moves it."""

    async def sleep(self, period: timedelta) -> None:
        self.advance(period)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - wire documents are walked freely
        """Decimals stay Decimals, so that 250.00 and 250 can be distinguished."""
        return json.loads(self.text, parse_float=Decimal)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def rapyd_headers(path: str, keys: Mapping[str, str], now: datetime, *, salt: str = "saltsalt0001") -> dict[str, str]:
    timestamp = str(int(now.timestamp()))
    text = f"get{path}{salt}{timestamp}{keys['access_key']}{keys['secret_key']}"
    digest = hmac.new(keys["secret_key"].encode(), text.encode(), hashlib.sha256).hexdigest()
    signature = base64.b64encode(digest.encode()).decode()
    return {"access_key": keys["access_key"], "salt": salt, "timestamp": timestamp, "signature": signature}


class Caller:
    def __init__(self, sandbox: Sandbox, clock: MovableClock) -> None:
        self._sandbox = sandbox
        self._clock = clock
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        self._tokens: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, provider: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET with right credentials, or with exactly the `headers` given. `path` follows the base URL, encoded."""
        url = URL(self._sandbox.base_urls[provider] + path, encoded=True)
        return await self.send(
            "GET", url, headers=await self.authorization(provider, url) if headers is None else headers
        )

    async def post(self, provider: str, path: str, body: object) -> Answer:
        url = URL(self._sandbox.base_urls[provider] + path, encoded=True)
        return await self.send("POST", url, headers=await self.authorization(provider, url), json=body)

    async def send(self, method: str, url: str | URL, **options: Any) -> Answer:  # noqa: ANN401 - passed on as they are
        async with self._session.request(method, url, **options) as response:
            return Answer(response.status, response.headers, await response.text())

    async def authorization(self, provider: str, url: URL) -> dict[str, str]:
        keys = self._sandbox.credentials[provider]
        match provider:
            case "chargebee":
                return basic(keys["api_key"], "")
            case "meteroid" | "stripe" | "lago":
                return {"Authorization": f"Bearer {keys['api_key']}"}
            case "chargeover":
                return basic(keys["public_key"], keys["private_key"])
            case "rapyd":
                return rapyd_headers(urlsplit(str(url)).path + _query(url), keys, self._clock.now())
            case _:
                if provider not in self._tokens:
                    self._tokens[provider] = (await self.obtain_token(provider)).json["access_token"]
                return {"Authorization": f"Bearer {self._tokens[provider]}"}

    async def obtain_token(self, provider: str) -> Answer:
        keys = self._sandbox.credentials[provider]
        if provider == "dollr":
            url = self._sandbox.base_urls["dollr"] + "/v1/jwt/client/obtain/token"
            return await self.send("POST", url, json=dict(keys))
        headers = basic(keys["client_id"], keys["client_secret"])
        form = {"grant_type": "client_credentials"}
        return await self.send("POST", self._sandbox.token_url, data=form, headers=headers)


def _query(url: URL) -> str:
    return f"?{url.raw_query_string}" if url.raw_query_string else ""
