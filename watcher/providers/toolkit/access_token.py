"""An access token that all requests of one account share: fetched once, renewed before it ends."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import anyio

from watcher.clock import Clock
from watcher.core.errors import CredentialsRefused, InvalidAnswer, ProviderUnavailable
from watcher.ports import RateLimiter
from watcher.providers.toolkit import field_values
from watcher.providers.toolkit.http import Answer, raise_if_unavailable, read_object

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=1)
"""A lifetime is limited to this range: no provider makes us fetch for every request, or trust a token for ever."""


@dataclass(frozen=True, slots=True)
class Token:
    value: str = field(repr=False)
    obtained_at: datetime
    lifetime: timedelta


FetchToken = Callable[[RateLimiter], Awaitable[Token]]
"""Makes the provider's token call. Raises CredentialsRefused if it is refused, else like any request."""


def read_lifetime(value: object, *, unit: timedelta, default: timedelta) -> timedelta:
    """Read a lifetime in `unit`; `default` if there is none."""
    number = field_values.number(value)
    if number is None or not number.is_finite():
        return default
    bounded = min(max(number, Decimal(0)), Decimal(LONGEST // timedelta(seconds=1)))
    return min(max(unit * float(bounded), SHORTEST), LONGEST)


def read_token(answer: Answer, *, unit: timedelta, default: timedelta, explain: Callable[[Answer], str]) -> Token:
    """Read the answer to a token call, whose `expires_in` is in `unit`. Raises CredentialsRefused for 4xx."""
    raise_if_unavailable(answer)
    if answer.status >= 400:  # noqa: PLR2004  # status codes are their own names
        raise CredentialsRefused(f"the token call was refused: {explain(answer)}")
    try:
        document = read_object(answer)
    except InvalidAnswer as error:
        raise ProviderUnavailable(f"the token call's answer cannot be read: {error}") from error
    value = document.get("access_token")
    if not isinstance(value, str) or not value:
        raise ProviderUnavailable("the token call's answer holds no access_token")
    return Token(value, answer.asked_at, read_lifetime(document.get("expires_in"), unit=unit, default=default))


class TokenKeeper:
    """Hands out the token. Only renewals wait for each other; a valid token is handed out at once."""

    def __init__(self, fetch: FetchToken, clock: Clock, *, margin: timedelta) -> None:
        self._fetch = fetch
        self._clock = clock
        self._margin = margin
        self._token: Token | None = None
        self._renew_at: datetime | None = None
        self._lock = anyio.Lock()
        self._failures = 0
        self._failure: CredentialsRefused | ProviderUnavailable | None = None

    async def value(self, limiter: RateLimiter) -> str:
        """A valid token, renewed first if less than the margin remains.

        While another task renews it, and when a renewal fails because the provider is down, a valid token is still
        used.
        """
        token, now = self._token, self._clock.now()
        if token is None or now >= token.obtained_at + token.lifetime:
            return (await self._renewed(limiter, token)).value
        if not self._ends_soon(now) or self._lock.locked():
            return token.value
        try:
            return (await self._renewed(limiter, token)).value
        except ProviderUnavailable:
            self._renew_at = now + SHORTEST / 2
            return token.value

    async def send(
        self,
        limiter: RateLimiter,
        request: Callable[[str], Awaitable[Answer]],
        *,
        is_refused: Callable[[Answer], bool],
        explain: Callable[[Answer], str],
    ) -> Answer:
        """Make a request with the token; if the token is refused, once more with a new one.

        Raises CredentialsRefused if the new one is refused too.
        """
        token = await self.value(limiter)
        answer = await request(token)
        if not is_refused(answer):
            return answer
        answer = await request(await self.replacement(token, limiter))
        if is_refused(answer):
            raise CredentialsRefused(f"a new access token was refused: {explain(answer)}")
        return answer

    async def replacement(self, refused: str, limiter: RateLimiter) -> str:
        """Another token than the one just refused, fetched unless another task has done so meanwhile."""
        token = self._token
        if token is not None and token.value != refused:
            return token.value
        return (await self._renewed(limiter, token)).value

    async def renew_if_ending(self, limiter: RateLimiter) -> None:
        if self._token is None or self._ends_soon(self._clock.now()):
            await self._renewed(limiter, self._token)

    def _ends_soon(self, now: datetime) -> bool:
        return self._renew_at is None or now >= self._renew_at

    async def _renewed(self, limiter: RateLimiter, stale: Token | None) -> Token:
        """Fetch a token unless another task is doing so; those that waited share its outcome, good or bad."""
        failures = self._failures
        async with self._lock:
            if self._token is not None and self._token is not stale:
                return self._token
            if self._failure is not None and self._failures != failures:
                raise self._failure
            try:
                token = await self._fetch(limiter)
            except (CredentialsRefused, ProviderUnavailable) as error:
                self._failures += 1
                self._failure = error
                raise
            self._failure = None
            self._token = token
            # With a lifetime shorter than the margin every request would renew it.
            self._renew_at = token.obtained_at + token.lifetime - min(self._margin, token.lifetime / 2)
            return token
