"""The requests of an adapter file: where they go, what they carry, and the token that some of them need.

Every request goes to the base URL or to the token URL of the source: an adapter file adds paths and parameters, and
what a provider sends (a cursor) is only ever a percent-encoded parameter.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

from watcher.clock import Clock
from watcher.core import json_text
from watcher.core.errors import CredentialsRefused
from watcher.ports import RateLimiter
from watcher.providers.adapter_file.answers import meaning_of, words_of
from watcher.providers.adapter_file.spec import (
    AdapterSpec,
    Auth,
    AuthType,
    FromCredential,
    FromOption,
    Meaning,
    Plain,
    Request,
    TokenFormat,
)
from watcher.providers.toolkit.access_token import Token, TokenKeeper, read_token
from watcher.providers.toolkit.http import Answer, ProviderHttp
from watcher.providers.toolkit.kind import Account

TOKEN_URL = "token_url"  # noqa: S105 -- the name of a key
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON = {"Content-Type": "application/json"}


class Requests:
    """Requests of one account."""

    def __init__(self, spec: AdapterSpec, account: Account, http: ProviderHttp, clock: Clock) -> None:
        self._spec = spec
        self._account = account
        self._http = http
        self._headers = {
            **dict(self.plain(spec.headers)),
            **_auth_headers(spec.auth, account.credentials),
        }
        is_token = spec.auth.type is AuthType.OAUTH2
        self._token = TokenKeeper(self._fetch_token, clock, margin=spec.auth.renew) if is_token else None

    async def get(self, limiter: RateLimiter, target: str) -> Answer:
        """GET `target`; if an access token is refused, once more with a new one.

        Raises CredentialsRefused if that is refused too, and like any request.
        """
        if self._token is None:
            return await self._http.request(limiter, "GET", target, headers=self._headers)

        async def request(token: str) -> Answer:
            headers = {**self._headers, "Authorization": f"Bearer {token}"}
            return await self._http.request(limiter, "GET", target, headers=headers)

        return await self._token.send(limiter, request, is_refused=self._is_refused, explain=self._explain)

    async def renew_token(self, limiter: RateLimiter) -> None:
        if self._token is not None:
            await self._token.renew_if_ending(limiter)

    def target(self, request: Request, more: Iterable[tuple[str, str]] = (), *, segment: str = "") -> str:
        """Path and query, percent-encoded; `segment` is an id that is already encoded."""
        pairs = [*self.plain(request.query), *more]
        path = request.path.replace("{id}", segment)
        return f"{path}?{urlencode(pairs, quote_via=quote, safe=':,[]')}" if pairs else path

    def plain(self, pairs: Iterable[tuple[str, Plain | FromCredential]]) -> list[tuple[str, str]]:
        """Parameters or headers as text, without those whose option is empty."""
        texts = ((name, value, self._text(value)) for name, value in pairs)
        return [(name, text) for name, value, text in texts if text or value == ""]

    def _text(self, value: Plain | FromCredential) -> str:
        if isinstance(value, FromCredential):
            return self._account.credentials[value.name]
        return self._account.options.get(value.name, "") if isinstance(value, FromOption) else value

    def _is_refused(self, answer: Answer) -> bool:
        return meaning_of(answer, self._spec.answers) is Meaning.CREDENTIALS

    def _explain(self, answer: Answer) -> str:
        return words_of(answer, self._spec.answers)

    async def _fetch_token(self, limiter: RateLimiter) -> Token:
        auth = self._spec.auth
        headers, body = _token_request(auth, self._account.credentials)
        url = None if auth.token_url else self._account.options[TOKEN_URL]
        answer = await self._http.request(limiter, "POST", auth.token_url, headers=headers, body=body, url=url)
        return read_token(answer, unit=auth.unit, default=auth.lifetime, explain=self._explain)


def _auth_headers(auth: Auth, credentials: Mapping[str, str]) -> dict[str, str]:
    match auth.type:
        case AuthType.BEARER:
            return {"Authorization": f"Bearer {credentials[auth.token]}"}
        case AuthType.BASIC:
            return {"Authorization": _basic(credentials[auth.user], credentials.get(auth.password, ""))}
        case AuthType.HEADER:
            return {auth.header: credentials[auth.token]}
        case AuthType.NONE | AuthType.OAUTH2:
            return {}


def _token_request(auth: Auth, credentials: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    client = {"client_id": credentials[auth.client_id], "client_secret": credentials[auth.client_secret]}
    grant = {"grant_type": "client_credentials", **({"scope": auth.scope} if auth.scope else {})}
    match auth.send:
        case TokenFormat.BASIC:
            basic = _basic(*client.values())
            return {**_FORM, "Authorization": basic}, urlencode(grant).encode()
        case TokenFormat.FORM:
            return _FORM, urlencode({**grant, **client}).encode()
        case TokenFormat.JSON:
            return _JSON, json_text.write(client)


def _basic(user: str, password: str) -> str:
    try:
        return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    except UnicodeEncodeError:
        raise CredentialsRefused("a credential holds characters that no HTTP header can carry") from None
