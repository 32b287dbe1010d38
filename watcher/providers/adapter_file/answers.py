"""How an adapter file tells answers apart: gone, refused, wrong credentials, back off, outage."""

from watcher.core.errors import (
    CredentialsRefused,
    InvalidAnswer,
    InvoiceRefused,
    ListRefused,
    ProviderUnavailable,
    RateLimited,
)
from watcher.core.json_text import Document
from watcher.ports import Failed, Missing, PollResult
from watcher.providers.adapter_file.interpreter import Work
from watcher.providers.adapter_file.selection import Selection
from watcher.providers.adapter_file.spec import Answers, Meaning
from watcher.providers.adapter_file.values import is_true_of
from watcher.providers.toolkit import field_values
from watcher.providers.toolkit.fetch_one import error_object
from watcher.providers.toolkit.field_values import quoted
from watcher.providers.toolkit.http import Answer, raise_if_unavailable

_OUTAGES = frozenset({408, 425})


def meaning_of(answer: Answer, answers: Answers) -> Meaning | None:
    """The first rule that fits, else what the status means; None for an answer with an invoice or a list."""
    status = answer.status
    body: tuple[Document, Work] | None = None
    for rule in answers.rules:
        if status not in rule.statuses:
            continue
        if rule.where is None:
            return rule.meaning
        body = body or (error_object(answer), Work())
        if is_true_of(rule.where, *body):
            return rule.meaning
    if status < 300:  # noqa: PLR2004  # status codes are their own names
        return None
    if status in _OUTAGES or status >= 500:  # noqa: PLR2004  # same
        return Meaning.OUTAGE
    return {401: Meaning.CREDENTIALS, 404: Meaning.GONE, 429: Meaning.BACK_OFF}.get(status, Meaning.REFUSED)


def refusal_of(answer: Answer, answers: Answers) -> PollResult | None:
    """What an answer to the request by id means; None if it has an invoice.

    Raises CredentialsRefused, RateLimited, ProviderUnavailable.
    """
    meaning = meaning_of(answer, answers)
    if meaning is None:
        return None
    raise_for_account(answer, meaning, answers)
    words = words_of(answer, answers)
    return Missing(words) if meaning is Meaning.GONE else Failed(InvoiceRefused(words))


def require_rows(answer: Answer, answers: Answers) -> None:
    """Raise what an answer to a list means, unless it is one: a refusal says nothing about an invoice."""
    meaning = meaning_of(answer, answers)
    if meaning is None:
        return
    raise_for_account(answer, meaning, answers)
    words = words_of(answer, answers)
    if answer.status == 403:  # noqa: PLR2004  # status codes are their own names
        raise CredentialsRefused(f"{words} to a list")
    raise ListRefused(f"{words} to a list of invoices")


def raise_for_account(answer: Answer, meaning: Meaning, answers: Answers) -> None:
    """Raise what concerns the whole account."""
    if meaning is Meaning.CREDENTIALS:
        raise CredentialsRefused(words_of(answer, answers))
    if meaning is Meaning.BACK_OFF:
        wait = answers.back_off if answer.retry_after is None else answer.retry_after
        raise RateLimited(f"{words_of(answer, answers)}: too many requests", retry_after=wait)
    if meaning is Meaning.OUTAGE:
        raise_if_unavailable(answer)
        raise ProviderUnavailable(words_of(answer, answers), retry_after=answer.retry_after)


def words_of(answer: Answer, answers: Answers) -> str:
    """The status with the provider's own code and message, masked."""
    refusal = error_object(answer)
    code, message = (_word(selection, refusal) for selection in (answers.code, answers.message))
    status = f"HTTP {answer.status} {code}".rstrip()
    return f"{status}: {message}".rstrip(": ")


def _word(selection: Selection | None, refusal: Document) -> str:
    if selection is None:
        return ""
    try:
        found = selection(refusal, Work())
    except InvalidAnswer:
        return ""
    return quoted(field_values.text(found))
