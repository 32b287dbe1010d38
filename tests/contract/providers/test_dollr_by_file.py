"""Dollr's conformance tests, run against its adapter file."""

import aiohttp
import pytest

from tests.contract.providers.test_dollr import *  # noqa: F403 -- the same tests with another fixture
from tests.contract.providers.test_dollr import CREDENTIALS, GRANT
from tests.fakes.adapter_files import file_kind
from tests.fakes.provider_server import ProviderServer, StillClock, adapter, fetch_result
from watcher.core.errors import InvoiceRefused
from watcher.ports import Failed, Provider


@pytest.fixture
def dollr(session: aiohttp.ClientSession, server: ProviderServer, clock: StillClock) -> Provider:
    return adapter(file_kind("dollr"), session, server.url, clock, CREDENTIALS)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, {"detail": "Account is not verified"}, "HTTP 403: Account is not verified"),
        (
            422,
            {"detail": [{"loc": ["path", "id"], "msg": "value is not a valid integer", "type": "type_error"}]},
            "HTTP 422: value is not a valid integer",
        ),
        (422, {"detail": [5, {"loc": None}]}, "HTTP 422"),
        (400, {}, "HTTP 400"),
    ],
)
async def test_what_concerns_one_id_fails_that_id_in_words(
    dollr: Provider, server: ProviderServer, status: int, body: object, words: str
) -> None:
    """A file selects one message; it cannot put the place of each mistake before it, as the code does."""
    server.answer(GRANT)
    server.answer(body, status=status)
    result = await fetch_result(dollr, "123")
    assert isinstance(result, Failed)
    assert (type(result.error), str(result.error)) == (InvoiceRefused, words)
