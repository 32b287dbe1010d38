"""ChargeOver's webhooks: a key in a header and no signature."""

import re
from collections.abc import Iterator, Mapping, Sequence

from watcher.core.json_text import Document
from watcher.ports import HintScheme
from watcher.providers.toolkit.hint_signatures import shared_key
from watcher.providers.toolkit.hints import ProviderHints, object_in, objects_in

_ID = re.compile(r"[0-9]{1,20}")


def hint_scheme(secrets: Sequence[str], credentials: Mapping[str, str]) -> HintScheme:
    del credentials
    return ProviderHints(shared_key("x-chargeover-key", secrets), _named, _is_id)


def _named(hint: Document) -> Iterator[object]:
    """The invoice itself, or those that a transaction was applied to; its document may have a place of its own."""
    context = hint.get("context_str")
    word = context if isinstance(context, str) else ""
    if word == "invoice":
        yield hint.get("context_id")
    data = object_in(hint, "data")
    for part in (data, object_in(data, word)):
        yield part.get("invoice_id")
        yield from (row.get("invoice_id") for row in objects_in(part, "applied_to"))


def _is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None
