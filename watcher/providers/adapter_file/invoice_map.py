"""Reads a document as an adapter file's map says: pure, exact, and within a number of steps."""

from collections.abc import Callable
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import partial
from typing import cast

from watcher.core import money
from watcher.core.errors import InvalidAnswer
from watcher.core.invoices.invoice import WITHOUT_DUE, Amounts, Invoice, Snapshot, Status, read_status
from watcher.core.json_text import Document
from watcher.providers.adapter_file.interpreter import Work
from watcher.providers.adapter_file.selection import Selection
from watcher.providers.adapter_file.spec import ANY_WORD, InvoiceMap, MoneyUnit, StatusMap, TimeFormat
from watcher.providers.adapter_file.values import Scope, Value
from watcher.providers.toolkit import field_values
from watcher.providers.toolkit.field_values import NAME_LENGTH, cut, word_key

_URL_LENGTH = 2000
_LARGEST_MILLISECONDS = 10**15
"""Far beyond the year 9999."""


def read_instant(value: object, times: TimeFormat, zone: tzinfo) -> datetime | None:
    """An instant as these providers write them; None if it is none."""
    if times is TimeFormat.ISO:
        return field_values.instant(value)
    if times is TimeFormat.LOCAL:
        return field_values.to_utc(_local_time(value), zone)
    if times is TimeFormat.UNIX:
        return field_values.unix_instant(value)
    number = field_values.number(value)
    is_time = number is not None and number.is_finite() and 0 < number < _LARGEST_MILLISECONDS
    return field_values.unix_instant(number.scaleb(-3)) if number is not None and is_time else None


def _local_time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None


def write_instant(instant: datetime, times: TimeFormat, zone: tzinfo) -> str:
    """An instant, in whole seconds, as a parameter of a request."""
    if times is TimeFormat.ISO:
        return instant.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    if times is TimeFormat.LOCAL:
        return instant.astimezone(zone).replace(microsecond=0, tzinfo=None).isoformat()
    seconds = int(instant.timestamp())
    return str(seconds * 1000 if times is TimeFormat.UNIX_MS else seconds)


def read_day(value: object, times: TimeFormat, zone: tzinfo) -> date | None:
    """A day: text as it is written, an instant as the day that it is in the source's time zone."""
    if isinstance(value, str):
        return field_values.day(value)
    instant = read_instant(value, times, zone)
    return None if instant is None else instant.astimezone(zone).date()


def status_of(document: object, statuses: StatusMap, work: Work) -> tuple[Status | None, str]:
    """What the provider's words mean (None: the balance decides), and the words. Raises InvalidAnswer without any."""
    words: list[str] = []
    for place, selection in enumerate(statuses.words):
        found = selection(document, work)
        text = str(found).lower() if isinstance(found, bool) else found
        try:
            words.append(field_values.word_or_empty(text) if place else field_values.word(text))
        except ValueError as error:
            raise InvalidAnswer(f"{selection.text}: {error}") from error
    keys = tuple(map(word_key, words))
    written = [field_values.screaming_snake(word) if statuses.screaming else word for word in words if word]
    return _meaning(keys, statuses, work), "/".join(written)


def _meaning(keys: tuple[str, ...], statuses: StatusMap, work: Work) -> Status | None:
    """That of the first pattern that fits; without `*` in any of them, they are looked up."""
    if statuses.is_exact:
        return statuses.meanings.get(keys, Status.UNKNOWN)
    work.spend(len(statuses.meanings))
    for pattern, meaning in statuses.meanings.items():
        if all(wanted in {ANY_WORD, key} for wanted, key in zip(pattern, keys, strict=True)):
            return meaning
    return Status.UNKNOWN


def is_settled(document: Document, mapped: InvoiceMap, work: Work) -> bool:
    """Whether a list's row is paid, void or given up by its words alone."""
    try:
        meaning, _ = status_of(document, mapped.status, work)
    except InvalidAnswer:
        return False
    return meaning in {Status.PAID, *WITHOUT_DUE}


@money.exact
def to_invoice(document: Document, before: Snapshot | None, mapped: InvoiceMap, id_field: str, zone: tzinfo) -> Invoice:
    """Raises InvalidAnswer if the id, the status, the currency or an amount cannot be read."""
    work = Work()
    invoice_id = _required(document.get(id_field), field_values.identifier, id_field)
    meaning, word = status_of(document, mapped.status, work)
    try:
        scope, row = _amounts(document, meaning or Status.OPEN, mapped, work)
        failed = _count(mapped.failed_attempts, scope)
        lines = _count(mapped.line_count, scope)
    except ArithmeticError as error:
        raise InvalidAnswer("an amount cannot be computed exactly") from error
    status = meaning or (Status.OPEN if row.due > 0 else Status.PAID)
    pending = mapped.payment_pending is not None and mapped.payment_pending(scope)
    text = partial(_text, document, mapped, work)
    instant = partial(_instant, document, mapped, work, zone)
    return Invoice(
        id=invoice_id,
        status=read_status(status, (row,)),
        provider_status=word,
        amounts=(row,),
        number=text("number"),
        payment_pending=pending,
        failed_attempts=failed,
        last_payment_error=_error(document, mapped, work),
        issued_on=_day(mapped.issued_on, document, mapped, work, zone),
        due=_due(document, mapped, work, zone),
        customer_id=text("customer_id"),
        customer_name=text("customer_name"),
        line_count=lines,
        url=_url(document, mapped, work),
        revision=_revision(document, mapped, work, zone),
        payment_failed_inferred=_failed_since(before, word, mapped),
        created_at=instant("created_at"),
        finalized_at=instant("finalized_at"),
        paid_at=instant("paid_at"),
        voided_at=instant("voided_at"),
        uncollectible_at=instant("uncollectible_at"),
    )


def _amounts(document: Document, status: Status, mapped: InvoiceMap, work: Work) -> tuple[Scope, Amounts]:
    amounts = mapped.amounts
    found = amounts.currency(document, work)
    currency = _required(found, field_values.currency, amounts.currency.text)
    is_minor = amounts.unit is MoneyUnit.MINOR
    zero = money.from_major(0, currency)
    convert = partial(money.from_minor if is_minor else money.from_major, currency=currency)
    scope = Scope(
        document,
        work,
        read=lambda value: convert(value if type(value) is int else field_values.amount(value)),
        literal=lambda given: money.from_major(given, currency) if given else zero,
        status=status,
    )
    for name, value in amounts.named.items():
        scope.named[name] = value(scope)
    read = {name: _bounded(value(scope), currency) for name, value in amounts.values.items()}
    return scope, Amounts(
        currency,
        total=read["total"],
        paid=read["paid"],
        due=zero if status in WITHOUT_DUE else max(zero, read["due"]),
        credited=read.get("credited", zero),
        refunded=read.get("refunded", zero),
        written_off=read.get("written_off", zero),
        minor=is_minor and not money.is_known(currency),
    )


def _bounded(value: Decimal, currency: str) -> Decimal:
    """Its parts have the currency's decimals already; only their sum may be too large."""
    return value if value.adjusted() < money.MAX_DIGITS else money.from_major(value, currency)


def _count(value: Value | None, scope: Scope) -> int:
    if value is None:
        return 0
    plain = Scope(
        scope.document,
        scope.work,
        read=lambda found: field_values.number(found) or Decimal(0),
        literal=Decimal,
        status=scope.status,
        named=scope.named,
    )
    return field_values.count(value(plain))


def _required(found: object, read: Callable[[object], str], name: str) -> str:
    try:
        return read(found)
    except ValueError as error:
        raise InvalidAnswer(f"{name}: {error}") from error


def _text(document: Document, mapped: InvoiceMap, work: Work, name: str) -> str | None:
    selection = mapped.texts.get(name)
    return None if selection is None else cut(field_values.text(selection(document, work)), NAME_LENGTH)


def _instant(document: Document, mapped: InvoiceMap, work: Work, zone: tzinfo, name: str) -> datetime | None:
    selection = mapped.instants.get(name)
    return None if selection is None else read_instant(selection(document, work), mapped.times, zone)


def _error(document: Document, mapped: InvoiceMap, work: Work) -> str | None:
    selection = mapped.texts.get("last_payment_error")
    return None if selection is None else field_values.error_text(selection(document, work))


def _url(document: Document, mapped: InvoiceMap, work: Work) -> str | None:
    """None for anything but http and https: the page will show the link."""
    selection = mapped.texts.get("url")
    found = None if selection is None else field_values.text(selection(document, work))
    return found[:_URL_LENGTH] if found and found.lower().startswith(("https://", "http://")) else None


def _day(selection: Selection | None, document: Document, mapped: InvoiceMap, work: Work, zone: tzinfo) -> date | None:
    return None if selection is None else read_day(selection(document, work), mapped.times, zone)


def _due(document: Document, mapped: InvoiceMap, work: Work, zone: tzinfo) -> date | datetime | None:
    if mapped.due_at is not None:
        return read_instant(mapped.due_at(document, work), mapped.times, zone)
    return _day(mapped.due_on, document, mapped, work, zone)


def _revision(document: Document, mapped: InvoiceMap, work: Work, zone: tzinfo) -> int | None:
    if mapped.version is not None:
        found = field_values.number(mapped.version(document, work))
        return int(found) if found is not None and found.is_finite() and abs(found) < _LARGEST_VERSION else None
    instants: list[datetime | None] = []
    for selection in mapped.revision:
        found = selection(document, work)
        for one in cast("list[object]", found) if isinstance(found, list) else [found]:
            work.spend(1)
            instants.append(read_instant(one, mapped.times, zone))
    return field_values.revision(*instants)


_LARGEST_VERSION = 2**62


def _failed_since(before: Snapshot | None, word: str, mapped: InvoiceMap) -> bool:
    if mapped.failed_between is None or before is None or not before.payment_pending:
        return False
    return (word_key(before.provider_status), word_key(word)) == mapped.failed_between
