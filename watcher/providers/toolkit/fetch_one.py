"""Fetching from providers that can only be asked for one invoice at a time."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

from watcher.clock import Clock
from watcher.core import json_text
from watcher.core.errors import CredentialsRefused, InvalidAnswer, InvoiceRefused, ProviderUnavailable
from watcher.core.json_text import Document
from watcher.ports import Failed, Fetched, Found, Known, Missing, PollResult, Same
from watcher.providers.toolkit import documents
from watcher.providers.toolkit.http import Answer, quote_id, raise_if_unavailable


async def fetch_one(
    ids: Sequence[str],
    clock: Clock,
    ask: Callable[[str], Awaitable[Answer]],
    read: Callable[[Answer], PollResult],
    known: Known,
    *,
    volatile: bytes | None = None,
    id_field: str = "id",
    canonical: Callable[[str], object] = str,
) -> Fetched:
    """Ask with the id as one path segment, and read the answer. An error that concerns this id alone becomes Failed.

    So does an answer about another invoice: a cache or proxy that mixes up answers must not make an invoice paid. The
    document names its invoice in `id_field`; two ids are the same if `canonical` gives the same for both. `volatile`
    names a field whose text is different in each answer.
    """
    (invoice_id,) = ids
    try:
        segment = quote_id(invoice_id)
    except InvoiceRefused as error:
        now = clock.now()
        return Fetched({invoice_id: Failed(error)}, now, now)
    answer = await ask(segment)
    text = documents.digest(answer.body, volatile)
    if answer.status == _OK and known.get(invoice_id) == text:
        result: PollResult = _SAME  # the text of an answer whose id was compared
    else:
        result = _read(answer, read, text)
    if isinstance(result, Found) and (wrong := _wrong_id(result.document.get(id_field), invoice_id, canonical)):
        result = Failed(InvalidAnswer(wrong))
    return fetched({invoice_id: result}, answer)


def fetched(results: Mapping[str, PollResult], answer: Answer) -> Fetched:
    """These results of an answer, with its times."""
    return Fetched(results, answer.made_at, answer.answered_at, answer.server_date, is_cached=bool(answer.age))


def _read(answer: Answer, read: Callable[[Answer], PollResult], text: bytes) -> PollResult:
    try:
        result = read(answer)
    except InvoiceRefused as error:
        return Failed(error)
    return replace(result, text=text) if isinstance(result, Found) else result


def _wrong_id(answered: object, asked: str, canonical: Callable[[str], object]) -> str | None:
    """The error if the answer is not about the invoice that was asked for; None if it is."""
    if not isinstance(answered, str | int) or isinstance(answered, bool):
        return f"the answer to a request for invoice {asked} does not say which invoice it is about"
    if str(answered) == asked or canonical(str(answered)) == canonical(asked):
        return None
    return f"the answer is about invoice {str(answered)[:_SHOWN]}, not about invoice {asked}, which was asked for"


_OK = 200
_SHOWN = 200
_SAME = Same()


def read_probe(answer: Answer) -> datetime | None:
    """Read the answer to a control request: it names no invoice, so a refusal concerns the account."""
    raise_if_unavailable(answer)
    if answer.status in {401, 403}:
        raise CredentialsRefused(f"HTTP {answer.status} to a call that only needs credentials")
    if answer.status >= 300:  # noqa: PLR2004  # status codes are their own names
        raise ProviderUnavailable(f"HTTP {answer.status} to a call that only needs credentials; correct base_url?")
    try:
        json_text.read(answer.body)
    except InvalidAnswer as error:
        raise ProviderUnavailable(f"HTTP {answer.status} to a call that only needs credentials, but {error}") from error
    return answer.server_date


def refusal(answer: Answer) -> PollResult | None:
    """What a status without further words means for the one id: 404 is a miss, another refusal a failure."""
    if answer.status == 404:  # noqa: PLR2004  # status codes are their own names
        return Missing("HTTP 404")
    return Failed(InvoiceRefused(f"HTTP {answer.status}")) if answer.status >= 300 else None  # noqa: PLR2004  # same


def error_object(answer: Answer) -> Document:
    """The error in a refusal. Plain text (routers and proxies answer so) becomes the `message` of an object."""
    try:
        parsed = json_text.read(answer.body)
    except InvalidAnswer:
        return {"message": answer.body[:200].decode(errors="replace")}
    return cast("Document", parsed) if isinstance(parsed, dict) else {}
