"""Secrets planted everywhere are found nowhere; and webhooks go nowhere they must not."""

import base64
import json

import pytest

from tests.acceptance.daemon import Site, until
from tests.acceptance.operating import operate, operate_all, started
from watcher.sandbox import Fault, FaultKind, Receiver, Sandbox
from watcher.sandbox.keys import DEMO_KEYS

pytestmark = pytest.mark.timeout(150)

MARK = "PLANTED"
SIGNING = "whsec_" + base64.b64encode(b"PLANTED-signing-secret-of-32-byte").decode()
KEYS = {
    "fragment": {"client_id": "fragment-user", "client_secret": "PLANTED-fragment"},
    "meteroid": {"api_key": "PLANTED-meteroid"},
    "dollr": {"client_id": "dollr-user", "client_secret": "PLANTED-dollr"},
    "rapyd": {"access_key": "rapyd-user", "secret_key": "PLANTED-rapyd"},
    "chargeover": {"public_key": "chargeover-user", "private_key": "PLANTED-chargeover"},
}
SPELLINGS = (
    MARK, base64.b64encode(b"chargeover-user:PLANTED-chargeover").decode(), SIGNING[6:], "fragment-token", "Bearer ",
)  # fmt: skip

WATCHED = {"meteroid": "inv_1", "dollr": "77", "chargeover": "12", "fragment": "payin_1"}
LINES = (
    "deliveries --json", "watch list --json", "check --json --online", "sources", "endpoints test ledger",
    "show meteroid inv_1 --raw", "show dollr 77 --json", "get chargeover 12 --raw", "db backup copy.db",
)  # fmt: skip


def planted(site: Site) -> dict[str, str]:
    """Every provider's secret by a way of its own; returns the environment for it."""
    for provider, keys in KEYS.items():
        site.source(provider)
        for key in keys:
            site.sources[provider][key] = {"env": f"{provider}_{key}".upper()}
    credentials = site.folder / "credentials"
    credentials.mkdir()
    (credentials / "api").write_text(KEYS["meteroid"]["api_key"])
    (site.folder / "rapyd").write_text(KEYS["rapyd"]["secret_key"])
    (site.folder / "signing").write_text(SIGNING)
    site.sources["meteroid"]["api_key"] = {"credential": "api"}
    site.sources["rapyd"]["secret_key"] = {"file": "rapyd"}
    site.endpoint(secrets=[{"file": "signing"}], headers={"authorization": {"env": "HEADER"}})
    variables = {f"{provider}_{key}".upper(): value for provider, keys in KEYS.items() for key, value in keys.items()}
    return {**variables, "HEADER": "PLANTED-header", "CREDENTIALS_DIRECTORY": str(credentials)}


async def test_no_secret_is_found_in_logs_output_database_or_backup_whatever_goes_wrong(site: Site) -> None:
    async with Sandbox(credentials={**DEMO_KEYS, **KEYS}) as sandbox, Receiver([SIGNING]) as receiver:
        site.sandbox, site.receiver = sandbox, receiver
        variables = planted(site)
        wrongs = (FaultKind.GARBAGE, FaultKind.HTML, FaultKind.SERVER_ERROR, FaultKind.UNAUTHORIZED)
        for (provider, invoice_id), wrong in zip(WATCHED.items(), wrongs, strict=True):
            sandbox.ledger.create(provider, invoice_id, "EUR", 1000)
            site.watch(provider, invoice_id)
            sandbox.fail_next(provider, Fault(wrong), times=2)
        site.receiver.answer_next(401, times=2)
        site.write()
        site.config.write_text(site.config.read_text().replace('format = "json"', 'format = "json"\nlevel = "debug"'))
        async with started(site, variables=variables) as daemon:
            await until(lambda: "tracked" in site.recorded(), "a secret signs")
            await until(lambda: len(sandbox.requests) > len(WATCHED) * 3, "much went wrong")
            (site.folder / "signing").write_text("PLANTED-but-no-secret")
            await until(lambda: daemon.has_logged("config.refused"), "the bad secret is refused")
            broken, missing = await operate(site, "check", **variables), await operate(site, "check")
            (site.folder / "signing").write_text(SIGNING)
            done = await operate_all(site, *LINES, variables=variables)
            text = daemon.log.read_text() + "".join(one.out + one.err for one in (*done, broken, missing))
            assert (broken.code, missing.code) == (2, 2)
        copied = (site.folder / "copy.db").read_bytes()
        stored = b"".join(path.read_bytes() for path in site.folder.glob("invoice-watcher.db*")).decode("latin-1")
        stored += copied.decode("latin-1")
    assert min(len(stored), len(copied)) > 10_000
    for spelling in SPELLINGS:
        assert spelling not in stored, spelling
        assert spelling not in text, spelling


async def test_private_addresses_get_nothing_and_what_waits_for_them_is_parked(site: Site) -> None:
    port = site.receiver.url().split(":")[2].rstrip("/")
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.endpoint("hidden", url=f"https://0x7f.1:{port}/", allow_private=[], allow_ports=[int(port)])
    async with site.running():
        await site.hears("inv_1", "tracked")
        parked = await site.command("deliveries", "--state", "parked")
        assert [(row["endpoint"], row["attempts"], row["last_error"]) for row in parked] == [
            ("hidden", 0, "address_refused")
        ]
        tested = await operate(site, "endpoints", "test", "hidden", "--json")
        assert (tested.code, json.loads(tested.out)["error"]) == (1, "address_refused")
    site.endpoint("metadata", url="https://169.254.169.254/latest/meta-data/", allow_private=[])
    site.endpoint("mapped", url="https://[::ffff:127.0.0.1]/", allow_private=[])
    site.endpoint("plain", url=f"http://localhost:{port}/", allow_private=[])
    site.write()
    refused = await operate(site, "check")
    assert refused.code == 2
    assert all(f"endpoints.{name}.url: " in refused.err for name in ("metadata", "mapped", "plain")), refused.err
    assert {delivery.path for delivery in site.receiver.deliveries} == {"/ledger"}
