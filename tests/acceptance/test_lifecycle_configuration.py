"""Configurations as editors, spreadsheets and tired people leave them."""

import json
import re

import pytest

from tests.acceptance.daemon import Site
from tests.acceptance.operating import operate_all

pytestmark = pytest.mark.timeout(120)


async def test_all_mistakes_of_all_files_are_reported_at_once_with_file_and_line_and_code_2(site: Site) -> None:
    site.source("meteroid", rate="fast", api_key={"env": "NOT_SET_ANYWHERE"}, colour="red")
    site.endpoint(events=["invoice.pai"], retries=["5 minutes"])
    site.watch("meteroid", "..")
    site.watcher |= {"due_soon": ["7d", "7d"], "grace": "2d", "reminders": ["1d"]}
    site.polling["policy"] = "cron"
    site.polling["cron"] = "0 0 1 * 1"
    site.write()
    (site.folder / "watchlists" / "unknown.toml").write_text('source = "metroid"\ninvoices = ["a"]\n')
    (site.folder / "watchlists" / "broken.toml").write_text('source = "meteroid\n')
    (site.folder / "sheet.csv").write_text("source,invoice_id,due\nmeteroid,inv_1,soon\n")
    site.config.write_text(site.config.read_text().replace("watchlists/*.toml", 'watchlists/*.toml", "*.csv'))
    check, run, once, listing = await operate_all(site, "check", "run", "run --once", "watch list --json")
    assert {done.code for done in (check, run, once, listing)} == {2}
    assert {done.out for done in (check, run, once, listing)} == {""}
    assert check.err == run.err == once.err == listing.err
    recorded = [
        re.fullmatch(r"error: (.*/)?([^/:]+):(\d+): (column \"\w+\"|[^: ]+)(:? .+)", line)
        for line in check.err.splitlines()
    ]
    assert all(recorded), check.err
    places = {f"{one[2]} {one[4]}" for one in recorded if one}
    assert places >= {
        "watcher.toml watcher.due_soon", "watcher.toml watcher.reminders", "watcher.toml polling.cron",
        "watcher.toml sources.meteroid.rate", "watcher.toml sources.meteroid.api_key",
        "watcher.toml sources.meteroid.colour", "watcher.toml endpoints.ledger.retries[0]",
        "watcher.toml endpoints.ledger.events[0]", "unknown.toml source", 'sheet.csv column "due"',
        "meteroid-0.toml invoice[0].id",
    }, check.err  # fmt: skip
    assert f"{site.folder / 'watchlists' / 'broken.toml'}:1: is not TOML: " in check.err
    assert not list(site.folder.glob("*.db"))


async def test_tabs_byte_order_marks_windows_lines_and_integers_are_read_as_meant(site: Site) -> None:
    site.sandbox.ledger.create("chargeover", "1003", "USD", 1000)
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.source("chargeover")
    site.write()
    text = site.config.read_text().replace(" = ", "\t=\t").replace("watchlists/*.toml", 'watchlists/*.toml", "*.csv')
    site.config.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    (site.folder / "watchlists" / "numbers.toml").write_bytes(
        b'\xef\xbb\xbfsource = "chargeover"\r\n\tinvoices = [1003]\r\n'
    )
    (site.folder / "sheet.csv").write_bytes(
        b'\xef\xbb\xbfsource,invoice_id,tags,due_on,note\r\nmeteroid,inv_1,a;b,2030-01-31,"one, two"\r\n\r\n'
    )
    check, once, listed = await operate_all(site, "check --json", "run --once", "watch list --json")
    assert (check.code, once.code) == (0, 0), (check, once)
    assert json.loads(check.out)["watches"] == 2
    rows = {row["invoice_id"]: row for row in map(json.loads, listed.out.splitlines())}
    assert set(rows) == {"1003", "inv_1"}
    assert (rows["inv_1"]["tags"], rows["inv_1"]["due_on"], rows["inv_1"]["note"]) == (
        ["a", "b"],
        "2030-01-31",
        "one, two",
    )


async def test_what_init_writes_and_the_schemas_describe_is_what_check_takes(site: Site) -> None:
    made, again, checked, *schemas = await operate_all(
        site,
        "init fresh --json",
        "init fresh",
        "check --config fresh/watcher.toml",
        "schema config",
        "schema watchlist --json",
        "--json schema event",
    )
    assert (made.code, again.code) == (0, 1)
    assert "overwrites nothing" in again.err
    assert {path.name for path in (site.folder / "fresh").iterdir()} >= {"watcher.toml", "watchlists"}
    assert "Traceback" not in checked.err
    assert all("$schema" in json.loads(done.out) and done.err == "" for done in schemas)
