"""A site whose sources take hints from its sandbox."""

from tests.acceptance.daemon import Site
from watcher.sandbox import DEMO_HINT_SECRETS, HintTarget
from watcher.sandbox.server import free_port

TOKEN = "a token of the operator's own"


def take_hints(site: Site, provider: str, **keys: object) -> str:
    """Switch hints on for a source, with a listener of their own; returns its address."""
    address = f"127.0.0.1:{free_port()}"
    site.hints = {"listen": address, "public_url": f"http://{address}"}
    site.polling |= {"every": "1h"}
    own: dict[str, object] = {"token": {"file": site.secret("hint_token", TOKEN)}}
    if provider in DEMO_HINT_SECRETS:
        own["secret"] = {"file": site.secret(f"{provider}_hints", DEMO_HINT_SECRETS[provider])}
    site.source(provider)
    site.sources[provider] |= {"hints": own} | keys
    target = HintTarget(f"http://{address}/hints/{provider}", DEMO_HINT_SECRETS.get(provider, ""))
    site.sandbox.hints.targets[provider] = target
    return address
