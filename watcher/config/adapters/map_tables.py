"""Reads `[map]` of an adapter file: how a document becomes a snapshot."""

from collections.abc import Mapping
from typing import TypeVar, cast

from watcher.config.adapters.expressions import Expressions
from watcher.config.adapters.models import (
    ABSENT,
    AMOUNTS,
    BY_BALANCE,
    INSTANTS,
    TEXTS,
    AmountsTable,
    FailedBetweenTable,
    MapTable,
    StatusTable,
)
from watcher.config.settings import Settings
from watcher.config.toml.messages import meant, shown
from watcher.config.toml.positions import KeyPath
from watcher.config.toml.reading import Reading, Table, TomlFile
from watcher.config.toml.tables import subtable, validated
from watcher.core.invoices.invoice import Status
from watcher.providers.adapter_file.selection import Selection
from watcher.providers.adapter_file.spec import ANY_WORD, AmountsMap, InvoiceMap, StatusMap
from watcher.providers.adapter_file.values import Condition, Value
from watcher.providers.toolkit.field_values import word_key

_Model = TypeVar("_Model", bound=Settings)


def read_map(file: TomlFile, reading: Reading, expressions: Expressions) -> InvoiceMap | None:
    if "map" not in file.table:
        expressions.problem(("map",), "is missing, must be a table [map]")
        return None
    raw = subtable(file, reading, ("map",))
    table = validated(MapTable, raw, file=file, path=("map",), reading=reading)
    status = _inner(StatusTable, "status", raw, expressions)
    amounts = _amounts(raw, expressions)
    condition = _read_if("payment_pending", raw, expressions)
    failed, lines = (
        expressions.value(raw[key], ("map", key)) if key in raw else None for key in ("failed_attempts", "line_count")
    )
    between = _inner(FailedBetweenTable, "failed_between", raw, expressions)
    if table is None or status is None or amounts is None:
        return None
    _check_map(table, cast("Table", raw["amounts"]), expressions)
    return InvoiceMap(
        status=_status(status, expressions),
        amounts=amounts,
        times=table.times,
        texts=_selections(table, TEXTS),
        instants=_selections(table, INSTANTS),
        issued_on=table.issued_on,
        due_on=table.due_on,
        due_at=table.due_at,
        payment_pending=condition,
        failed_attempts=failed,
        line_count=lines,
        revision=table.revision or (),
        version=table.version,
        failed_between=between and (word_key(between.before), word_key(between.now)),
    )


def _read_if(key: str, raw: Table, expressions: Expressions) -> Condition | None:
    return expressions.condition(raw[key], ("map", key)) if key in raw else None


def _inner(model: type[_Model], name: str, raw: Table, expressions: Expressions) -> _Model | None:
    if name not in raw:
        return None
    path: KeyPath = ("map", name)
    if not isinstance(raw[name], dict):
        expressions.problem(path, f"{shown(raw[name])} is not a table, must be one")
        return None
    return validated(model, cast("Table", raw[name]), file=expressions.file, path=path, reading=expressions.reading)


def _check_map(table: MapTable, written: Table, expressions: Expressions) -> None:
    for one, other in (("due_on", "due_at"), ("revision", "version")):
        if getattr(table, one) is not None and getattr(table, other) is not None:
            expressions.problem(("map", one), f"stands beside {other}, must be one of them")
    for key in table.absent:
        path = ("map", "absent", key)
        if key not in ABSENT:
            words = f"is not what a map can leave out{meant(key, ABSENT)}, allowed: {', '.join(ABSENT)}"
            expressions.problem(path, words)
        elif key in table.model_fields_set or key in written or (key == "due_on" and table.due_at is not None):
            expressions.problem(path, "says why it is absent, but the map has it")


def _selections(table: MapTable, names: tuple[str, ...]) -> Mapping[str, Selection]:
    found = {name: cast("Selection | None", getattr(table, name)) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def _status(table: StatusTable, expressions: Expressions) -> StatusMap:
    meanings: dict[tuple[str, ...], Status | None] = {}
    for word, meaning in table.words.items():
        parts = word.split("/")
        if len(parts) != len(table.of):
            words = f"has {len(parts)} words, must have {len(table.of)} with / between them, as `of` selects"
            expressions.problem(("map", "status", "words", word), words)
        pattern = tuple(ANY_WORD if part == ANY_WORD else word_key(part) for part in parts)
        if pattern in meanings:
            expressions.problem(("map", "status", "words", word), "is there already in another spelling")
        meanings.setdefault(pattern, None if meaning == BY_BALANCE else Status(meaning))
    return StatusMap(table.of, meanings, screaming=table.spelling == "screaming_snake")


def _amounts(raw: Table, expressions: Expressions) -> AmountsMap | None:
    named = _named(raw, expressions)
    table = _inner(AmountsTable, "amounts", raw, expressions)
    written: Table = cast("Table", raw["amounts"]) if isinstance(raw.get("amounts"), dict) else {}
    values = {key: expressions.value(written[key], ("map", "amounts", key)) for key in AMOUNTS if key in written}
    return None if table is None else AmountsMap(table.currency, table.unit, values, named)


def _named(raw: Table, expressions: Expressions) -> dict[str, Value]:
    """In the order of the file: each may use those before it."""
    table = raw.get("values", {})
    if not isinstance(table, dict):
        expressions.problem(("map", "values"), f"{shown(table)} is not a table, must be one")
        return {}
    named: dict[str, Value] = {}
    for name, one in cast("Table", table).items():
        named[name] = expressions.value(one, ("map", "values", name))
        expressions.named = tuple(named)
    return named
