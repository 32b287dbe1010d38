"""Batches and lists by adapter file, over real HTTP on loopback."""

from datetime import UTC, datetime

import pytest

from tests.contract.providers.adapter_file.conftest import BILL, Make
from tests.fakes.provider_server import ProviderServer, UnlimitedRate
from watcher.core.errors import CredentialsRefused, ListRefused, ProviderUnavailable
from watcher.ports import Found, Missing, Provider

BATCH = """
[batch]
path = "/bills"
size = 3
parameter = "ids"
format = "{format}"
rows = "bills"
row = "bill"
"""


@pytest.mark.parametrize(
    ("form", "query"),
    [("commas", "ids=1,2,3"), ("repeated", "ids=1&ids=2&ids=3"), ("json", "ids=[%221%22,%222%22,%223%22]")],
)
async def test_a_batch_is_one_request_and_what_it_lacks_is_asked_for_alone(
    make: Make, server: ProviderServer, form: str, query: str
) -> None:
    provider = make(more=BATCH.replace("{format}", form))
    rows = [{"bill": BILL | {"id": "1"}}, {"bill": BILL | {"id": 3}}, {"bill": BILL | {"id": "9"}}, {}]
    server.answer({"bills": rows})
    server.answer({}, status=404)
    assert provider.batch_size == 3
    results = (await provider.fetch(["1", "2", "3"], UnlimitedRate())).results
    assert {name: type(one) for name, one in results.items()} == {"1": Found, "3": Found, "2": Missing}
    assert [one.path for one in server.asked] == [f"/v2/bills?{query}", "/v2/bills/2"]


@pytest.mark.parametrize(
    ("status", "error"), [(401, CredentialsRefused), (403, CredentialsRefused), (503, ProviderUnavailable)]
)
async def test_a_refused_batch_concerns_the_account(
    make: Make, server: ProviderServer, status: int, error: type[Exception]
) -> None:
    server.answer({}, status=status)
    with pytest.raises(error):
        await make(more=BATCH.replace("{format}", "json")).fetch(["1", "2"], UnlimitedRate())


LIST = """
[list]
path = "/bills"
rows = "data.bills"
"""


async def ids_of(provider: Provider, since: datetime | None = None) -> list[list[str]]:
    pages: list[list[str]] = []
    following: str | None = None
    while True:
        page = await provider.list_page(following, UnlimitedRate(), changed_since=since)
        pages.append([row.invoice_id for row in page.rows])
        following = page.next_page
        if following is None:
            return pages


def page(*ids: str, **more: object) -> dict[str, object]:
    return {"data": {"bills": [BILL | {"id": one} for one in ids]}, **more}


@pytest.mark.parametrize(
    ("pages", "answers", "queries"),
    [
        ("", [page("1", "2", "3")], [""]),
        (
            'pages = { by = "number", parameter = "p", size_parameter = "n", size = 2 }',
            [page("1", "2"), page("3")],
            ["?n=2&p=1", "?n=2&p=2"],
        ),
        (
            'pages = { by = "offset", parameter = "from", size = 2 }',
            [page("1", "2"), page("3")],
            ["", "?from=2"],
        ),
        (
            'pages = { by = "after_id", parameter = "after", more = "more" }',
            [page("1", "2", more=True), page("3", more=False)],
            ["", "?after=2"],
        ),
        (
            'pages = { by = "cursor", parameter = "c", next = "next" }',
            [page("1", "2", next="https://evil.example/?x=1&y"), page("3", next=None)],
            ["", "?c=https:%2F%2Fevil.example%2F%3Fx%3D1%26y"],
        ),
        (
            'each = { parameter = "state", values = ["open", "draft"] }',
            [page("1", "2"), page("3")],
            ["?state=open", "?state=draft"],
        ),
    ],
)
async def test_a_list_is_read_to_its_end(
    make: Make, server: ProviderServer, pages: str, answers: list[object], queries: list[str]
) -> None:
    for one in answers:
        server.answer(one)
    found = await ids_of(make(more=LIST + pages))
    assert [one for some in found for one in some] == ["1", "2", "3"]
    assert [one.path for one in server.asked] == [f"/v2/bills{query}" for query in queries]


async def test_what_changed_is_asked_for_with_its_own_parameters(make: Make, server: ProviderServer) -> None:
    since_table = '{ parameter = "since", times = "unix", overlap = "10s", query = { sort = "at" } }'
    changed = f'query = {{ state = "open" }}\nchanged_at = "at"\nchanged_since = {since_table}'
    server.answer({"data": {"bills": [BILL | {"id": "1", "state": "paid", "at": "2026-11-22T09:00:00Z"}]}})
    provider = make(more=LIST + changed)
    assert provider.lists_changes
    since = datetime(2026, 11, 22, 8, tzinfo=UTC)
    (row,) = (await provider.list_page(None, UnlimitedRate(), changed_since=since)).rows
    assert (row.is_settled, row.changed_at) == (True, datetime(2026, 11, 22, 9, tzinfo=UTC))
    await provider.list_page(None, UnlimitedRate())
    assert [one.path for one in server.asked] == [
        f"/v2/bills?sort=at&since={int(since.timestamp()) - 10}",
        "/v2/bills?state=open",
    ]


async def test_a_list_without_rows_may_lack_their_field_if_the_file_says_so(make: Make, server: ProviderServer) -> None:
    server.answer({})
    assert (await make(more=LIST + "omitted_when_empty = true").list_page(None, UnlimitedRate())).rows == ()
    with pytest.raises(ListRefused):
        await make(more=LIST).list_page(None, UnlimitedRate())
    with pytest.raises(ListRefused):
        await make().list_page(None, UnlimitedRate())
