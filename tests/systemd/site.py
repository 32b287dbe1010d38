"""What stands in /etc/invoice-watcher of a machine: what systemd/README.md sets up, with a sandbox behind it."""

import tomllib
from typing import Any

from tests.acceptance.daemon import Site
from tests.integration.repository.documents import SYSTEMD, blocks, shell
from tests.systemd.machine import Machine
from watcher.sandbox import DEMO_SECRET, Receiver, Sandbox

SOURCE = "acme"
_SHOWN = "meteroid_api_key"
"""The credential that systemd/README.md sets up; others are set up likewise."""


async def set_up(machine: Machine, sandbox: Sandbox, receiver: Receiver) -> Site:
    """Type in what systemd/README.md says of credentials and configuration; `write` the site to have it there."""
    shown: dict[str, Any] = tomllib.loads("\n".join(blocks(SYSTEMD, "toml")))
    site = Site(machine.config, sandbox, receiver, database=shown["database"])
    site.sources[SOURCE] = {"base_url": sandbox.base_urls["meteroid"], "rate": "50/s", **shown["sources"][SOURCE]}
    site.endpoint(secrets=[{"credential": "ledger_webhook_secret"}])
    secrets = {_SHOWN: sandbox.credentials["meteroid"]["api_key"], "ledger_webhook_secret": DEMO_SECRET}
    for name, secret in secrets.items():
        await machine.type(shell(SYSTEMD, "Credentials").replace(_SHOWN, name), typed=f"{secret}\n")
    return site
