"""What Meteroid's documents become, by its adapter file."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest

from tests.contract.providers import test_meteroid_document
from tests.contract.providers.test_meteroid_document import *  # noqa: F403 -- the same tests with another reader
from tests.fakes.adapter_files import file_adapter
from watcher.core.invoices.invoice import Invoice, Snapshot
from watcher.core.json_text import Document
from watcher.providers.adapter_file import invoice_map


def by_file(document: Document, before: Snapshot | None = None) -> Invoice:
    spec = file_adapter("meteroid").spec
    return invoice_map.to_invoice(document, before, spec.map, spec.invoice.id, ZoneInfo("UTC"))


@pytest.fixture(scope="module", autouse=True)
def _by_file() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_meteroid_document, "to_invoice", by_file)
        yield
