"""Watches that are added on the page: the preview, what is then added, and what is refused."""

from dataclasses import replace
from io import BytesIO
from time import process_time

import pytest

from tests.fakes import stored
from tests.fakes.stored import NOW
from tests.integration.web.client import TOKEN, Answered, Client
from tests.integration.web.reading import Page, read
from tests.integration.web.visiting import check_policy, shown
from watcher.ports import DesiredWatch, WatchState
from watcher.store import SqlPollQueue, SqlWatches
from watcher.web.page.adding import SHOWN
from watcher.web.page.formatting import NONE

HEADER = "source,invoice_id,tags,due_on,note\n"


def multipart(fields: dict[str, str], file: bytes | None) -> bytes:
    """A form as a browser sends it: with its line ends."""
    begin = '--edge\r\nContent-Disposition: form-data; name="'
    body = "".join(f'{begin}{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()).encode()
    if file is not None:
        body += f'{begin}file"; filename="march.csv"\r\nContent-Type: text/csv\r\n\r\n'.encode() + file + b"\r\n"
    return body + b"--edge--\r\n"


async def sent(client: Client, path: str, fields: dict[str, str], file: bytes | None = None) -> Answered:
    body = BytesIO(multipart({name: text.replace("\n", "\r\n") for name, text in fields.items()}, file))
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Origin": client.url,
        "Content-Type": "multipart/form-data; boundary=edge",
    }
    async with client.session.post(client.url + path, data=body, headers=headers, allow_redirects=False) as answer:
        return Answered(answer.status, answer.headers, await answer.text())


async def previewed(
    client: Client, text: str, *, status: int = 200, file: bytes | None = None, **fields: str
) -> tuple[Page, str]:
    answer = await sent(client, "/watches/add", {"kind": "csv", "text": text} | fields, file)
    assert answer.status == status, answer.text
    check_policy(answer)
    return read(answer.text), answer.text


async def added(client: Client, page: Page) -> str:
    """Press the button of a preview; what the next page says."""
    answer = await sent(client, "/watches", page.form("/watches").fields)
    assert (answer.status, answer.headers["Location"]) == (303, "/watches")
    note = answer.headers["Set-Cookie"].partition(";")[0]
    return (await shown(client, "/watches", Cookie=note)).words


async def listed(client: Client) -> dict[str, tuple[object, ...]]:
    items = (await client.get("/api/v1/watches?limit=500"))["items"]
    return {one["invoice_id"]: (one["source"], one["tags"], one["note"], one["origins"]) for one in items}


async def test_pasted_ids_are_previewed_and_then_added(client: Client) -> None:
    await SqlWatches(client.service.store).add(DesiredWatch("acme", "inv_2"), "cli", NOW)
    before = await listed(client)
    page, _ = await previewed(client, "inv_1, inv_2\ninv_1", kind="ids", source="acme", tags="vip;legal")
    assert await listed(client) == before
    new, known, repeated = page.tables
    assert new[1] == ["inv_1", "acme", "1", "vip legal ", NONE, ""]
    assert known[1][:4] == ["inv_2", "acme", "1", "command line"]
    assert repeated[1] == ["inv_1", "acme", "2", "the same invoice as in line 1"]
    assert "Add 1 watch" in page.form("/watches").words
    words = await added(client, page)
    assert "1 watch added, 1 watched already, 1 named more than once." in words
    assert await listed(client) == before | {"inv_1": ("acme", ["vip", "legal"], None, ["added"])}
    trail = (await client.get("/api/v1/audit"))["items"]
    assert [(one["who"], one["action"], one["target"]) for one in trail] == [
        ("token:default", "watch.add", "acme inv_1")
    ]


async def test_a_csv_file_is_previewed_with_what_is_wrong_in_it_and_the_rest_is_added(client: Client) -> None:
    file = f"\ufeff{HEADER}acme,=1+1,vip,2026-12-24,<b>x</b>\nacme,..,,,\nother,inv_listed,,,\n".replace("\n", "\r\n")
    page, text = await previewed(client, "", file=file.encode())
    wrong, new, known = page.tables
    assert (wrong[1][0], wrong[1][1]) == ("3", "acme,..,,,")
    assert new[1] == ["=1+1", "acme", "2", "vip ", "2026-12-24", "<b>x</b>"]
    assert known[1][:4] == ["inv_listed", "other", "4", "watch list"]
    assert "<b>x" not in text
    assert "1 watch added, 1 watched already, 1 invalid and left out." in await added(client, page)
    assert (await listed(client))["=1+1"] == ("acme", ["vip"], "<b>x</b>", ["added"])


async def test_a_retired_watch_is_polled_again(client: Client) -> None:
    store = client.service.store
    await stored.watch(store, "inv_1")
    (claimed,) = [one for one in await stored.claim(store) if one.invoice_id == "inv_1"]
    await SqlPollQueue(store).record([replace(stored.polled(claimed), state=WatchState.RETIRED)], {})
    page, _ = await previewed(client, "inv_1", kind="ids", source="acme")
    assert "Watched already, but retired: will be polled again" in page.words
    await added(client, page)
    assert (await client.get("/api/v1/watches?source=acme"))["items"][0]["state"] == "active"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("account,invoice\nacme,inv_1\n", "must name columns of source,invoice_id,tags,due_on,note"),
        ("", "there is nothing to read"),
        (f"{HEADER}{'acme,inv_1,,,' * 90_000}", "bytes are too many"),
    ],
    ids=["a wrong header", "nothing", "too much"],
)
async def test_what_cannot_be_read_is_said_and_nothing_is_added(sqlite_client: Client, text: str, words: str) -> None:
    page, _ = await previewed(sqlite_client, text, status=400)
    assert "Nothing was added:" in page.words
    assert words in page.words
    assert [form.action for form in page.forms if form.action == "/watches"] == []
    answer = await sent(sqlite_client, "/watches", {"kind": "csv", "text": text})
    assert answer.status == 303
    assert set(await listed(sqlite_client)) == {"inv_listed"}


async def test_what_is_no_form_or_too_large_is_refused_in_words(sqlite_client: Client) -> None:
    huge = await sent(sqlite_client, "/watches/add", {"kind": "csv", "text": "x" * (4 * 1024 * 1024)})
    assert huge.status == 413
    assert "nothing was done" in read(huge.text).words
    page, _ = await previewed(sqlite_client, "", file=b"\xff\xfe\x00", status=400)
    assert "save it as CSV UTF-8" in page.words
    broken = {"Content-Type": "multipart/form-data"}
    answer = await sqlite_client.ask("POST", "/watches/add", headers=broken, data=b"x")
    assert answer.status == 400


async def test_ten_thousand_are_previewed_and_added_quickly(sqlite_client: Client) -> None:
    text = HEADER + "".join(f"acme,inv_{number},vip,,\n" for number in range(10_000))
    began = process_time()
    page, _ = await previewed(sqlite_client, text)
    assert (len(page.tables[0]) - 1, f"and {10_000 - SHOWN:,} more" in page.words) == (SHOWN, True)
    assert "10,000 watches added." in await added(sqlite_client, page)
    assert process_time() - began < 10  # seconds of CPU; measured: about one
    assert len((await sqlite_client.get("/api/v1/audit?limit=500"))["items"]) == 500


async def test_the_form_says_what_is_missing_where_nothing_can_be_added(sqlite_client: Client) -> None:
    page = await shown(sqlite_client, "/watches/add")
    assert [form.action for form in page.forms if form.method == "post"][1:-1] == ["/watches/add", "/watches/add"]
    elsewhere = {"Origin": "https://evil.example"}
    for path in ("/watches/add", "/watches"):
        refused = await sqlite_client.ask("POST", path, headers=elsewhere, data={"kind": "ids", "text": "inv_1"})
        assert refused.status == 403
