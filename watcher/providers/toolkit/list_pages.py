"""What the list calls of all providers share: reading the answer, and making a page of its rows."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from watcher.core.errors import CredentialsRefused, ListRefused
from watcher.core.json_text import Document
from watcher.ports import Found, Listed, Page, PollResult
from watcher.providers.toolkit.http import Answer, raise_if_unavailable

PAGE_SIZE = 100
_LONGEST_ID = 200
_AHEAD = timedelta(minutes=5)
"""How far a provider's clock may be ahead of ours."""
_UNFIT = re.compile(r"[\x00\ud800-\udfff]")


def require_list(answer: Answer) -> None:
    """Raise what the status of a list call means: an outage, refused credentials, or ListRefused."""
    raise_if_unavailable(answer)
    if answer.status in {401, 403}:
        raise CredentialsRefused(f"HTTP {answer.status} to a list")
    if answer.status >= 300:  # noqa: PLR2004  # status codes are their own names
        raise ListRefused(f"HTTP {answer.status} to a list of invoices")


def objects(rows: object) -> list[Document]:
    """The objects among the items of a list. Raises ListRefused for anything else."""
    if not isinstance(rows, list):
        raise ListRefused("the answer holds no list of invoices")
    return [cast("Document", row) for row in cast("list[object]", rows) if isinstance(row, dict)]


def listed(
    document: Document,
    key: str,
    *,
    is_settled: bool,
    result: PollResult | None = None,
    changed_at: datetime | None = None,
) -> Listed | None:
    """Make a row of an object; None if it has no id, or one that no request could carry."""
    value = document.get(key)
    invoice_id = "" if isinstance(value, bool) or not isinstance(value, str | int) else str(value)
    if invoice_id in {"", ".", ".."} or len(invoice_id) > _LONGEST_ID or _UNFIT.search(invoice_id):
        return None
    return Listed(invoice_id, document, is_settled, result if isinstance(result, Found) else None, changed_at)


def page_of(
    answer: Answer,
    rows: Iterable[Listed | None],
    next_page: str | None,
    *,
    total: int | None = None,
    omits: frozenset[str] = frozenset(),
) -> Page:
    latest = answer.answered_at + _AHEAD
    return Page(
        rows=tuple(_believed(row, latest) for row in rows if row is not None),
        next_page=next_page,
        asked_at=answer.made_at,
        answered_at=answer.answered_at,
        server_date=answer.server_date,
        total=total,
        omits=omits,
    )


def _believed(row: Listed, latest: datetime) -> Listed:
    """None for the future: then a time zone was misread, and the row would count as changed until that time comes."""
    return replace(row, changed_at=None) if row.changed_at is not None and row.changed_at > latest else row
