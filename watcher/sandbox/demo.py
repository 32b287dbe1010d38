"""The configuration files of a watcher of the sandbox."""

from collections.abc import Mapping, Sequence

from watcher.sandbox.keys import DEMO_HINT_SECRETS
from watcher.sandbox.lives import DEMO_PROVIDERS, HINTED, HINTED_LIVES, Life, lives_of
from watcher.sandbox.receiver import DEMO_SECRET
from watcher.sandbox.server import Sandbox

CONFIG_FILE = "watcher.toml"
WATCHLIST_FILE = "watchlists/demo.csv"
_WEBHOOK_SECRET_FILE = "secrets/webhook"  # noqa: S105 - a path, no password
_HINT_SECRET_FILE = "secrets/meteroid_hints"  # noqa: S105 - a path, no password
_DUE_SOON = "5s"
_REMINDER = "4s"
"""Short enough for a due date that the demo moves to a few seconds from now."""

_HEAD = """\
[database]
url = "sqlite:///invoice-watcher.db"

[watcher]
watchlists = ["watchlists/*.csv"]
due_soon = ["{due_soon}"]
reminders = ["{reminder}"]
grace = "0s"
announce_tracked = true

[polling]
policy = "fixed"
every = "1s"
confirm_deleted = "2s"

[http]
listen = "{listen}"
"""
_SOURCE = """
[sources.{provider}]
provider = "{provider}"
base_url = "{base_url}"
rate = "20/s"
"""
_HINTED = """
[hints]
listen = "{listen}"

[sources.{name}]
provider = "meteroid"
base_url = "{base_url}"
api_key = {{ file = "{key}" }}
every = "1h"

[sources.{name}.hints]
secret = {{ file = "{secret}" }}
"""
_ENDPOINT = """
[endpoints.receiver]
url = "{url}"
secrets = [{{ file = "{secret_file}" }}]
events = ["*"]
allow_private = ["127.0.0.0/8"]
"""


def demo_files(
    sandbox: Sandbox,
    receiver_url: str,
    providers: Sequence[str] = DEMO_PROVIDERS,
    *,
    listen: str = "",
    hints_listen: str = "",
) -> dict[str, str]:
    """All files by path relative to one directory: the config, its watch list, and the secrets (keep them 0600).

    Each provider is a source of its name. With `hints_listen` there is one source more, at Meteroid, which takes hints
    at that address.
    """
    lives = (*lives_of(providers), *HINTED_LIVES) if hints_listen else lives_of(providers)
    hinted = _hinted(sandbox, hints_listen) if hints_listen else ""
    return {
        CONFIG_FILE: demo_config(sandbox, receiver_url, providers, listen=listen) + hinted,
        WATCHLIST_FILE: _watchlist(sandbox, lives),
        **_secret_files({name: sandbox.credentials[name] for name in {*providers, "meteroid"}}),
        _HINT_SECRET_FILE: f"{DEMO_HINT_SECRETS['meteroid']}\n",
    }


def demo_config(
    sandbox: Sandbox, receiver_url: str, providers: Sequence[str] = DEMO_PROVIDERS, *, listen: str = ""
) -> str:
    """`watcher.toml`: the sources and the one endpoint on loopback, with polls every second."""
    return (
        _HEAD.format(due_soon=_DUE_SOON, reminder=_REMINDER, listen=listen)
        + "".join(_source(sandbox, provider) for provider in providers)
        + _ENDPOINT.format(url=receiver_url, secret_file=_WEBHOOK_SECRET_FILE)
    )


def _watchlist(sandbox: Sandbox, lives: Sequence[Life]) -> str:
    today = sandbox.clock.now().date()
    rows = ["source,invoice_id,tags,due_on,note"]
    for life in lives:
        due_on = "" if life.watch_due_in is None else (today + life.watch_due_in).isoformat()
        rows.append(f"{life.source_name},{life.id},demo,{due_on},")
    return "\n".join(rows) + "\n"


def _source(sandbox: Sandbox, provider: str) -> str:
    text = _SOURCE.format(provider=provider, base_url=sandbox.base_urls[provider])
    for key in sandbox.credentials[provider]:
        text += f'{key} = {{ file = "{_secret_file(provider, key)}" }}\n'
    return text + (f'token_url = "{sandbox.token_url}"\n' if provider == "fragment" else "")


def _hinted(sandbox: Sandbox, listen: str) -> str:
    key_file = _secret_file("meteroid", "api_key")
    return _HINTED.format(
        name=HINTED, base_url=sandbox.base_urls["meteroid"], key=key_file, secret=_HINT_SECRET_FILE, listen=listen
    )


def _secret_files(credentials: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    files = {
        _secret_file(provider, key): f"{secret}\n"
        for provider, keys in credentials.items()
        for key, secret in keys.items()
    }
    return {**files, _WEBHOOK_SECRET_FILE: f"{DEMO_SECRET}\n"}


def _secret_file(provider: str, key: str) -> str:
    return f"secrets/{provider}_{key}"
