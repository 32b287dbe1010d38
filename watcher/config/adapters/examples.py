"""The examples of an adapter file are its tests: an answer, and the snapshot, meaning or ids that it has to have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import cast
from zoneinfo import ZoneInfo

from watcher.config.adapters.models import ExampleTable
from watcher.config.adapters.read import Adapter
from watcher.config.toml.positions import KeyPath
from watcher.core.errors import CredentialsRefused, ProviderUnavailable, RateLimited, WatcherError
from watcher.core.invoices.invoice import Snapshot
from watcher.core.invoices.snapshot import WatchFacts, take, to_document
from watcher.core.json_text import Document
from watcher.ports import Failed, Found, Missing, PollResult
from watcher.providers.adapter_file.fingerprint import steady_fingerprint
from watcher.providers.adapter_file.hints import hint_ids
from watcher.providers.adapter_file.invoice_map import to_invoice
from watcher.providers.adapter_file.provider import read_result
from watcher.providers.adapter_file.spec import AdapterSpec, Meaning
from watcher.providers.toolkit.http import Answer

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_NOT_OF_A_FILE = frozenset({"source", "provider", "overdue", "tags", "direction"})
INFERRED = "payment_failed_inferred"
"""A fact that events have and snapshots do not; examples may expect it."""
_AMOUNTS = ("total", "paid", "due", "credited", "refunded", "written_off")


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """`problems` are what differs, each as `file:line: key: words`; none if the example holds."""

    name: str
    problems: tuple[str, ...]


def run_examples(adapter: Adapter) -> tuple[ExampleResult, ...]:
    return tuple(
        ExampleResult(example.name, tuple(_problems(adapter, example, ("example", number))))
        for number, example in enumerate(adapter.examples)
    )


def _problems(adapter: Adapter, example: ExampleTable, path: KeyPath) -> Iterator[str]:
    def problem(key: KeyPath, words: str) -> str:
        return str(adapter.file.problem((*path, *key), words))

    try:
        if example.ids is not None and adapter.spec.hints is not None:
            if (ids := hint_ids(adapter.spec.hints, example.answer.encode())) != example.ids:
                yield problem(("ids",), f"is {list(example.ids)}, but the webhook names {list(ids)}")
            return
        if example.means is not None:
            meaning = _meaning(_answer(example.answer, example.status), adapter.spec)
            if meaning != example.means:
                yield problem(("means",), f'is "{example.means}", but the answer means "{meaning}"')
            return
        given = snapshot_document(adapter.spec, _found(example.answer, example.status, adapter.spec), example.before)
    except WatcherError as error:
        yield problem(("answer",), f"gives no snapshot: {error}")
        return
    for key, wanted in (example.expect or {}).items():
        for place, words in _differences(key, wanted, given):
            yield problem(("expect", *place), words)


def snapshot_document(spec: AdapterSpec, document: Document, before: str | None = None) -> Mapping[str, object]:
    """The snapshot of a document as events show it, without a watch around it. Raises InvalidAnswer."""
    earlier = None if before is None else _snapshot(spec, _found(before, 200, spec), None)
    return {
        **to_document(_snapshot(spec, document, earlier)),
        INFERRED: to_invoice(
            document, earlier, spec.map, spec.invoice.id, ZoneInfo(spec.timezone)
        ).payment_failed_inferred,
    }


def _snapshot(spec: AdapterSpec, document: Document, before: Snapshot | None) -> Snapshot:
    zone = ZoneInfo(spec.timezone)
    steady_fingerprint(document, spec.invoice)
    facts = WatchFacts(source="example", provider=spec.name, timezone=zone, tags=(), due_on=None, customer_names=True)
    return take(to_invoice(document, before, spec.map, spec.invoice.id, zone), facts)


def _answer(text: str, status: int) -> Answer:
    return Answer(status, {}, text.encode(), _AT, _AT)


def _found(text: str, status: int, spec: AdapterSpec) -> Document:
    result = read_result(_answer(text, status), spec)
    if isinstance(result, Found):
        return result.document
    raise result.error if isinstance(result, Failed) else WatcherError(f"the answer means {_word(result)}")


def _meaning(answer: Answer, spec: AdapterSpec) -> str:
    try:
        return _word(read_result(answer, spec))
    except CredentialsRefused:
        return Meaning.CREDENTIALS
    except RateLimited:
        return Meaning.BACK_OFF
    except ProviderUnavailable:
        return Meaning.OUTAGE


def _word(result: PollResult) -> str:
    if isinstance(result, Missing):
        return Meaning.GONE
    return Meaning.REFUSED if isinstance(result, Failed) else "an invoice"


def _differences(key: str, wanted: object, given: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:
    if key not in given or key in _NOT_OF_A_FILE:
        allowed = ", ".join(one for one in given if one not in _NOT_OF_A_FILE)
        yield (key,), f"is not a field that an adapter file decides, allowed: {allowed}"
    elif key == "amounts":
        yield from _amount_differences(wanted, cast("list[Mapping[str, object]]", given[key]))
    elif isinstance(wanted, dict):
        for part, one in cast("dict[str, object]", wanted).items():
            whole: Mapping[str, object] = cast("Mapping[str, object]", given[key] or {})
            if not _is_same(one, whole.get(part)):
                yield (key, part), f"is {_plain(one)!r}, but the map gives {whole.get(part)!r}"
    elif not _is_same(wanted, given[key]):
        yield (key,), f"is {_plain(wanted)!r}, but the map gives {given[key]!r}"


def _amount_differences(wanted: object, given: list[Mapping[str, object]]) -> Iterator[tuple[KeyPath, str]]:
    """An amount that the example leaves out is zero."""
    rows = cast("list[object]", wanted) if isinstance(wanted, list) else []
    if len(rows) != len(given):
        yield ("amounts",), f"has {len(rows)} rows, but the map gives {len(given)}"
        return
    for number, (row, one) in enumerate(zip(rows, given, strict=True)):
        table = cast("dict[str, object]", row) if isinstance(row, dict) else {}
        for part in ("currency", *_AMOUNTS, *(set(table) - {"currency", *_AMOUNTS})):
            is_zero = part in _AMOUNTS and part not in table and not str(one[part]).strip("0.")
            if not is_zero and table.get(part) != one.get(part):
                words = f"is {table.get(part)!r}, but the map gives {one.get(part)!r}"
                yield ("amounts", number, part), words


def _is_same(wanted: object, given: object) -> bool:
    """TOML has no null: empty text stands for it."""
    return _plain(wanted) == given or (wanted == "" and given is None)


def _plain(value: object) -> object:
    """Text for TOML's own dates and times."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
