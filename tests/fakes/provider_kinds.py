"""The five providers as the config sees them, without any adapter behind."""

from collections.abc import Mapping
from dataclasses import replace

import aiohttp

from watcher.clock import Clock, Random
from watcher.ports import Provider
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.kind import Account, ProviderKind


def _never(account: Account, session: aiohttp.ClientSession, clock: Clock, rng: Random) -> Provider:
    del session, clock, rng
    raise AssertionError(f"reading the config built an adapter for {account.name}")


def _kinds() -> Mapping[str, ProviderKind]:
    client = ("client_id", "client_secret")
    kinds = (
        ProviderKind(
            "fragment",
            client,
            "https://api.us-west-2.fragment.dev/billing",
            5.0,
            _never,
            options={"token_url": "https://auth.us-west-2.fragment.dev/oauth2/token"},
        ),
        ProviderKind("meteroid", ("api_key",), "https://api.meteroid.com", 5.0, _never),
        ProviderKind("dollr", client, "https://api.heydollr.app", 2.0, _never),
        ProviderKind("rapyd", ("access_key", "secret_key"), "https://api.rapyd.net", 3.0, _never),
        ProviderKind("chargeover", ("public_key", "private_key"), None, 1.0, _never, timezone="America/Chicago"),
    )
    return {kind.name: _with_hints(kind) for kind in kinds}


def _with_hints(kind: ProviderKind) -> ProviderKind:
    """Hints are verified without an adapter."""
    real = PROVIDERS[kind.name]
    return replace(
        kind,
        hint_scheme=real.hint_scheme,
        hints_need_secret=real.hints_need_secret,
        hints_cover_url=real.hints_cover_url,
    )


PROVIDER_KINDS = _kinds()
