"""Meteroid's webhooks: Standard Webhooks, sent by Svix, with flat bodies. None is sent for a partial payment."""

import re
from collections.abc import Iterator, Mapping, Sequence

from watcher.core.json_text import Document
from watcher.ports import HintScheme
from watcher.providers.toolkit.hint_signatures import standard_webhooks
from watcher.providers.toolkit.hints import ProviderHints, object_in

_ID = re.compile(r"inv_[0-9A-Za-z]+|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
"""Both spellings that the server accepts."""


def hint_scheme(secrets: Sequence[str], credentials: Mapping[str, str]) -> HintScheme:
    del credentials
    return ProviderHints(standard_webhooks(secrets), _named, _is_id)


def _named(hint: Document) -> Iterator[object]:
    """`invoice_id` and the like, `id` where it is an invoice's: not all types are documented, so look at two levels."""
    for part in (hint, object_in(hint, "data")):
        yield from (value for key, value in part.items() if key.endswith("invoice_id"))
        document_id = part.get("id")
        if isinstance(document_id, str) and document_id.startswith("inv_"):
            yield document_id


def _is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None
