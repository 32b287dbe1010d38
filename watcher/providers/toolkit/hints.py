"""What the hint schemes of all providers share: reading a body, accepting ids, and the operator's own token."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import cast

from watcher.core import json_text
from watcher.core.errors import HintUnreadable, InvalidAnswer, InvoiceRefused
from watcher.core.json_text import Document
from watcher.ports import MOST_HINTED_IDS, HintRequest, HintScheme
from watcher.providers.toolkit.hint_signatures import Verifier, bearer_token
from watcher.providers.toolkit.http import quote_id
from watcher.providers.toolkit.kind import ProviderKind

_ID = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,255}")
"""What a watch list accepts too."""


class ProviderHints:
    """The webhooks of a provider: how they are verified, where they name invoices, and what an id looks like there."""

    def __init__(
        self, verifier: Verifier, named: Callable[[Document], Iterable[object]], is_id: Callable[[str], bool]
    ) -> None:
        self._verifier = verifier
        self._named = named
        self._is_id = is_id

    def verify(self, request: HintRequest) -> bool:
        return self._verifier(request)

    def invoice_ids(self, body: bytes) -> tuple[str, ...]:
        """What is no id is left out: a provider says many things with the same fields."""
        texts = (id_text(value) for value in self._named(read_hint(body)))
        ids = (text for text in texts if text is not None and self._is_id(text))
        return tuple(islice(_distinct(ids), MOST_HINTED_IDS))


class OperatorHints:
    """Hints of the operator's own systems, at any provider: `invoice_id` or `invoice_ids`, and a bearer token."""

    def __init__(self, tokens: Sequence[str]) -> None:
        """Raises ValueError for an empty token."""
        self._verifier = bearer_token(tokens)

    def verify(self, request: HintRequest) -> bool:
        return self._verifier(request)

    def invoice_ids(self, body: bytes) -> tuple[str, ...]:
        """Unlike those of providers, a body with anything wrong is refused: its sender can correct it."""
        hint = read_hint(body)
        if not hint.keys() & {"invoice_id", "invoice_ids"}:
            raise HintUnreadable("the hint has neither invoice_id nor invoice_ids")
        listed = hint.get("invoice_ids", [])
        if not isinstance(listed, list):
            raise HintUnreadable("invoice_ids: a list is expected")
        values = [*cast("list[object]", listed), *([hint["invoice_id"]] if "invoice_id" in hint else [])]
        if len(values) > MOST_HINTED_IDS:
            raise HintUnreadable(f"a hint can name {MOST_HINTED_IDS} invoices, this one names {len(values)}")
        ids = [id_text(value) for value in values]
        if None in ids:
            raise HintUnreadable("the hint has an invoice id that is not a text or number, or that no invoice can have")
        return tuple(dict.fromkeys(cast("list[str]", ids)))


def hint_schemes(
    kind: ProviderKind, *, secrets: Sequence[str], tokens: Sequence[str], credentials: Mapping[str, str]
) -> tuple[HintScheme, ...]:
    """Every way to send hints to one source; at a provider without webhooks, a secret is a token.

    Raises ValueError, with a message for operators, for secrets that are missing, unusable or not needed.
    """
    schemes: list[HintScheme] = []
    if kind.hint_scheme is None:
        tokens = (*secrets, *tokens)
    elif secrets and not kind.hints_need_secret:
        raise ValueError(f"{kind.name} signs its webhooks with the credentials of the account: remove the secret")
    elif secrets or not kind.hints_need_secret:
        schemes.append(kind.hint_scheme(secrets, credentials))
    if tokens:
        schemes.append(OperatorHints(tokens))
    if not schemes:
        raise ValueError("hints need a secret or a token")
    return tuple(schemes)


def read_hint(body: bytes) -> Document:
    """Raises HintUnreadable for anything but one JSON object."""
    try:
        hint = json_text.read(body)
    except InvalidAnswer as error:
        raise HintUnreadable("the hint is not JSON that can be read") from error
    if not isinstance(hint, dict):
        raise HintUnreadable("the hint is not a JSON object")
    return cast("Document", hint)


def id_text(value: object) -> str | None:
    """An id as text, None if a watch could not have it: some providers send numbers."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    if not _ID.fullmatch(text):
        return None
    try:
        quote_id(text)
    except InvoiceRefused:
        return None
    return text


def object_in(document: Document, key: str) -> Document:
    """The object in a field; an empty one if there is none."""
    value = document.get(key)
    return cast("Document", value) if isinstance(value, dict) else {}


def objects_in(document: Document, key: str) -> Iterator[Document]:
    """The objects in a list."""
    value = document.get(key)
    items = cast("list[object]", value) if isinstance(value, list) else []
    return (cast("Document", item) for item in items if isinstance(item, dict))


def _distinct(ids: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for one in ids:
        if one not in seen:
            seen.add(one)
            yield one
