"""Fetching from providers that can be asked for several invoices at once."""

from collections.abc import Awaitable, Callable, Sequence

from watcher.clock import Clock
from watcher.core.errors import CredentialsRefused, InvoiceRefused
from watcher.ports import Failed, Fetched
from watcher.providers.toolkit.http import Answer
from watcher.providers.toolkit.http_body import AnswerTooLong

AskBatch = Callable[[Sequence[str]], Awaitable[Fetched | None]]
"""Ask for several at once. None if this server has no such call. Raises InvoiceRefused if one of the ids is bad, and
the answer does not say which.
"""
AskOne = Callable[[str], Awaitable[Fetched]]


async def fetch_many(ids: Sequence[str], clock: Clock, ask_batch: AskBatch, ask_one: AskOne) -> Fetched:
    """Ask for all at once, else for halves if one bad id or the answer's length prevents it, else one by one."""
    wanted = tuple(dict.fromkeys(ids))
    if len(wanted) == 1:
        return await _alone(wanted[0], clock, ask_one)
    try:
        fetched = await ask_batch(wanted)
    except (InvoiceRefused, AnswerTooLong):
        return await _in_halves(wanted, clock, ask_batch, ask_one)
    return fetched or _joined([await _alone(invoice_id, clock, ask_one) for invoice_id in wanted])


def require_batch(answer: Answer) -> None:
    """Raise what the status of a batch call means: 403 concerns the credentials, another refusal one of the ids."""
    if answer.status == 403:  # noqa: PLR2004  # status codes are their own names
        raise CredentialsRefused("HTTP 403: these credentials may not read invoices")
    if answer.status >= 300:  # noqa: PLR2004  # same
        raise InvoiceRefused(f"HTTP {answer.status}")


async def _in_halves(ids: Sequence[str], clock: Clock, ask_batch: AskBatch, ask_one: AskOne) -> Fetched:
    middle = len(ids) // 2
    return _joined([await fetch_many(half, clock, ask_batch, ask_one) for half in (ids[:middle], ids[middle:])])


async def _alone(invoice_id: str, clock: Clock, ask_one: AskOne) -> Fetched:
    asked_at = clock.now()
    try:
        return await ask_one(invoice_id)
    except AnswerTooLong as error:
        return Fetched({invoice_id: Failed(InvoiceRefused(str(error)))}, asked_at, clock.now())


def _joined(parts: Sequence[Fetched]) -> Fetched:
    """Several requests as one: asked with the first, answered with the last."""
    return Fetched(
        results={invoice_id: result for part in parts for invoice_id, result in part.results.items()},
        asked_at=min(part.asked_at for part in parts),
        answered_at=parts[-1].answered_at,
        server_date=parts[-1].server_date,
        is_cached=any(part.is_cached for part in parts),
    )
