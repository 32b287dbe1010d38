"""The pages of a list, as an adapter file describes them."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import cast

from watcher.core import json_text
from watcher.core.errors import InvalidAnswer, ListRefused
from watcher.core.json_text import Document
from watcher.ports import Found, Listed, Page
from watcher.providers.adapter_file.answers import require_rows
from watcher.providers.adapter_file.fingerprint import steady_fingerprint
from watcher.providers.adapter_file.interpreter import MOST_LIST_STEPS, Work
from watcher.providers.adapter_file.invoice_map import is_settled, read_instant, write_instant
from watcher.providers.adapter_file.paths import at, object_at
from watcher.providers.adapter_file.spec import AdapterSpec, ListSpec, PageKind
from watcher.providers.adapter_file.values import Scope
from watcher.providers.toolkit import documents, field_values
from watcher.providers.toolkit.http import Answer, read_object, read_rows, read_text
from watcher.providers.toolkit.list_pages import listed, page_of

_SEPARATOR = " "
_ROW_STEPS = 30
"""Beside its selections: 30,000 rows, more than there are in an answer of 8 MiB if they are invoices."""
_LARGEST_TOTAL = 2**31 - 1
_LONGEST_PLACE = 2000
"""Of a cursor or an id: it has to fit into a URL."""
Row = tuple[Document, bytes]


def parameters(
    page: str | None, listing: ListSpec, changed_since: datetime | None, zone: tzinfo
) -> list[tuple[str, str]]:
    """The parameters that ask for one page; those of the list itself come before them."""
    part, place = _read_page(page)
    pages, pairs = listing.pages, list[tuple[str, str]]()
    if listing.each is not None:
        pairs.append((listing.each[0], listing.each[1][part]))
    if changed_since is not None and (changed := listing.changed_since) is not None:
        pairs.append((changed.parameter, write_instant(changed_since - changed.overlap, changed.times, zone)))
    if pages.size_parameter:
        pairs.append((pages.size_parameter, str(pages.size)))
    if pages.by is PageKind.NUMBER or (pages.by is PageKind.OFFSET and place):
        pairs.append((pages.parameter, place or str(pages.first)))
    elif pages.by is not PageKind.NONE and place:
        pairs.append((pages.parameter, place))
    return pairs


def read_page(answer: Answer, page: str | None, spec: AdapterSpec, listing: ListSpec, zone: tzinfo) -> Page:
    """Raises like `Provider.list_page`."""
    require_rows(answer, spec.answers)
    try:
        if listing.is_omitted_when_empty and at(envelope := read_object(answer), listing.rows) is None:
            rows: list[Row] = []
        else:
            envelope, rows = envelope_and_rows(answer, listing.rows, listing.row)
        work = Work(MOST_LIST_STEPS)
        read = [_listed(row, spec, listing, zone, work) for row in rows]
        following = _following(page, envelope, rows, spec, listing)
    except InvalidAnswer as error:
        raise ListRefused(f"the list cannot be read: {error}") from error
    return page_of(answer, read, following, total=_total(envelope, listing), omits=listing.omits)


def _total(envelope: Document, listing: ListSpec) -> int | None:
    found = None if listing.total is None else listing.total(envelope, Work())
    is_count = isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= _LARGEST_TOTAL
    return cast("int", found) if is_count else None


def envelope_and_rows(answer: Answer, rows: Sequence[str], row: Sequence[str]) -> tuple[Document, list[Row]]:
    """All but the rows, and the document of each row with its own text. Raises InvalidAnswer."""
    if rows:
        envelope, found = read_rows(answer, *rows)
    else:  # the answer is a list: read as the only field of an object
        wrapped = json_text.read_items(b'{"rows":' + answer.body.removeprefix(b"\xef\xbb\xbf") + b"}", "rows")
        envelope = wrapped[0]
        found = [(cast("Document", item), text) for item, text in wrapped[1] if isinstance(item, dict)]
    if not row:
        return envelope, found
    inner = [(at(one, tuple(row)), text) for one, text in found]
    return envelope, [(cast("Document", one), text) for one, text in inner if isinstance(one, dict)]


def _listed(row: Row, spec: AdapterSpec, listing: ListSpec, zone: tzinfo, work: Work) -> Listed | None:
    document, text = row
    work.spend(_ROW_STEPS)
    changed_at = None if listing.changed_at is None else listing.changed_at(document, work)
    return listed(
        document,
        spec.invoice.id,
        is_settled=is_settled(document, spec.map, work),
        result=found_row(text, spec, listing.row) if listing.is_whole else None,
        changed_at=read_instant(changed_at, spec.map.times, zone),
    )


def found_row(text: bytes, spec: AdapterSpec, row: Sequence[str]) -> Found:
    """A row that is a whole document, read from its own text only if it says something new."""
    differs = spec.invoice.differs
    return Found(
        partial(_read_row, text, tuple(row)),
        documents.raw if row else partial(documents.raw, body=text),
        partial(steady_fingerprint, spec=spec.invoice),
        documents.digest(text, None if differs is None else differs.encode()),
    )


def _read_row(text: bytes, row: tuple[str, ...]) -> Document:
    return object_at(read_text(text), row)


def _following(
    page: str | None, envelope: Document, rows: Sequence[Row], spec: AdapterSpec, listing: ListSpec
) -> str | None:
    part, place = _read_page(page)
    following = _next_place(place, envelope, rows, spec, listing)
    if following is not None and len(following) > _LONGEST_PLACE:
        raise InvalidAnswer(f"the next page is named by {len(following)} characters, at most {_LONGEST_PLACE}")
    if following is not None:  # the same one again too: the list sync ends it, and knows that it is not complete
        return f"{part}{_SEPARATOR}{following}"
    is_last = listing.each is None or part + 1 >= len(listing.each[1])
    return None if is_last else f"{part + 1}{_SEPARATOR}"


def _next_place(
    place: str, envelope: Document, rows: Sequence[Row], spec: AdapterSpec, listing: ListSpec
) -> str | None:
    pages = listing.pages
    if not rows or pages.by is PageKind.NONE:
        return None
    if pages.by is PageKind.CURSOR:
        return None if pages.next is None else field_values.text(pages.next(envelope, Work()))
    scope = Scope(envelope, Work(), read=field_values.amount, literal=field_values.amount)
    has_more = len(rows) >= pages.size if pages.more is None else pages.more(scope)
    if not has_more:
        return None
    if pages.by is PageKind.AFTER_ID:
        last = rows[-1][0].get(spec.invoice.id)
        return field_values.text(last)
    number = int(place or pages.first)
    return str(number + 1 if pages.by is PageKind.NUMBER else number + len(rows))


def _read_page(page: str | None) -> tuple[int, str]:
    """Which value of the list's `each`, counted from 0, and where in its pages."""
    part, _, place = (page or "").partition(_SEPARATOR)
    return int(part or 0), place
