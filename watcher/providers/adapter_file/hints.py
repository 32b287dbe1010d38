"""The webhooks of a provider that an adapter file describes: who sent them, and which invoices they name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from watcher.core.errors import HintUnreadable, InvalidAnswer
from watcher.core.json_text import Document
from watcher.ports import HintScheme
from watcher.providers.adapter_file.interpreter import Work
from watcher.providers.adapter_file.spec import AdapterSpec, HintSpec, HintType, HmacEncoding, HmacOver
from watcher.providers.adapter_file.values import is_true_of
from watcher.providers.toolkit.hint_signatures import (
    Verifier,
    basic,
    hmac_sha256,
    shared_key,
    standard_webhooks,
    timestamped_hmac,
)
from watcher.providers.toolkit.hints import ProviderHints

_MOST_STEPS = 20_000
"""Of all selections of one webhook, which takes far fewer: up to 50 come in a second."""


@dataclass(frozen=True, slots=True)
class HintsByFile:
    """`ProviderKind.hint_scheme` of an adapter file; equal for files of the same text."""

    spec: AdapterSpec
    hints: HintSpec

    def __call__(self, secrets: Sequence[str], credentials: Mapping[str, str]) -> HintScheme:
        del credentials
        return _scheme(self.hints, _verifier(self.hints, secrets))


def hint_ids(hints: HintSpec, body: bytes) -> tuple[str, ...]:
    """What a genuine webhook with this body names. Raises HintUnreadable."""
    return _scheme(hints, lambda _request: False).invoice_ids(body)


def _scheme(hints: HintSpec, verifier: Verifier) -> ProviderHints:
    return ProviderHints(verifier, partial(_named, hints), lambda text: text.startswith(hints.prefix))


def _named(hints: HintSpec, hint: Document) -> Iterator[object]:
    """Raises HintUnreadable."""
    work = Work(_MOST_STEPS)
    if hints.where is not None and not is_true_of(hints.where, hint, work):
        return
    try:
        for selection in hints.ids:
            found = selection(hint, work)
            yield from cast("list[object]", found) if isinstance(found, list) else [found]
    except InvalidAnswer as error:
        raise HintUnreadable("the hint is too large for the selections of its adapter file") from error


def _verifier(hints: HintSpec, secrets: Sequence[str]) -> Verifier:
    """Raises ValueError for unusable secrets, with a message for operators that repeats none of it."""
    header = hints.header.lower()
    match hints.type:
        case HintType.STANDARD_WEBHOOKS:
            return standard_webhooks(secrets)
        case HintType.TIMESTAMPED_HMAC:
            return timestamped_hmac(header, secrets)
        case HintType.KEY:
            return shared_key(header, secrets)
        case HintType.BASIC:
            return basic(secrets)
        case HintType.HMAC:
            is_hex, covers_url = hints.encoding is HmacEncoding.HEX, hints.over is HmacOver.URL_AND_BODY
            return hmac_sha256(header, secrets, is_hex=is_hex, covers_url=covers_url)
