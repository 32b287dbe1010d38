"""Rapyd's webhooks: signed like requests, with the account's keys, over the whole URL that is configured there."""

import base64
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence

from watcher.core.json_text import Document
from watcher.ports import HintRequest, HintScheme
from watcher.providers.toolkit.hint_signatures import Verifier, is_recent, is_same
from watcher.providers.toolkit.hints import ProviderHints, object_in

_ID = re.compile(r"invoice_[0-9A-Za-z]+")


def hint_scheme(secrets: Sequence[str], credentials: Mapping[str, str]) -> HintScheme:
    del secrets
    return ProviderHints(_signed_with(credentials["access_key"], credentials["secret_key"]), _named, _is_id)


def _signed_with(access_key: str, secret_key: str) -> Verifier:
    """The header `access_key` may be missing, and is not needed: the account's own is part of what is signed."""

    def verify(request: HintRequest) -> bool:
        salt, timestamp, given = (request.headers.get(name, "") for name in ("salt", "timestamp", "signature"))
        signed = f"{request.url}{salt}{timestamp}{access_key}{secret_key}".encode(errors="surrogatepass")
        digest = hmac.new(secret_key.encode(), signed + request.body, "sha256").hexdigest()
        expected = base64.b64encode(digest.encode()).decode()
        return is_same(given, expected) and is_recent(timestamp, request.now)

    return verify


def _named(hint: Document) -> Iterator[object]:
    """The id in INVOICE_*, the invoice of a payment or refund in others. What they are is seen by their prefix."""
    data = object_in(hint, "data")
    yield data.get("id")
    yield data.get("invoice")


def _is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None
