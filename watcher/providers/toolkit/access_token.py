"""An access token shared by all requests of one account: fetched once, renewed before it ends."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import anyio

from watcher.clock import Clock
from watcher.core.errors import CredentialsRefused, ProviderUnavailable
from watcher.ports import RateLimiter
from watcher.providers.toolkit import field_values

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=1)
"""Told lifetimes are brought between these: nothing makes us fetch for every request, or trust a token for ever."""


@dataclass(frozen=True, slots=True)
class Token:
    value: str = field(repr=False)
    obtained_at: datetime
    lifetime: timedelta


FetchToken = Callable[[RateLimiter], Awaitable[Token]]
"""Make the provider's token call. Raises CredentialsRefused where it is refused, else like any request."""


def read_lifetime(value: object, *, unit: timedelta, default: timedelta) -> timedelta:
    """Read a lifetime told in `unit`; `default` where none is told."""
    told = field_values.number(value)
    if told is None or not told.is_finite():
        return default
    bounded = min(max(told, Decimal(0)), Decimal(LONGEST // timedelta(seconds=1)))
    return min(max(unit * float(bounded), SHORTEST), LONGEST)


class TokenKeeper:
    """Hands out the token. Only renewing waits for others; a token that still lives is handed out at once."""

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
        """Give a live token, renewing it first where less than the margin remains of it.

        While somebody else renews, and when a renewal fails for want of the provider, a live token is still used.
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

    async def replacement(self, refused: str, limiter: RateLimiter) -> str:
        """Give another token than the one just refused, fetching it unless somebody has meanwhile."""
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
        """Fetch a token unless another task does so meanwhile; those who waited share its outcome, good or bad."""
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
            # A lifetime shorter than the margin would mean a renewal per request.
            self._renew_at = token.obtained_at + token.lifetime - min(self._margin, token.lifetime / 2)
            return token
