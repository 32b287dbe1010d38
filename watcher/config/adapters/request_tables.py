"""Reads `[auth]`, `[list]` and `[hints]` of an adapter file."""

from collections.abc import Sequence
from typing import TypeVar, cast

from watcher.config.adapters.expressions import Expressions
from watcher.config.adapters.field_types import RequestPath
from watcher.config.adapters.models import AuthTable, ChangedSinceTable, EachTable, HintsTable, ListTable, PagesTable
from watcher.config.settings import Settings
from watcher.config.toml.messages import one_of, shown
from watcher.config.toml.positions import KeyPath
from watcher.config.toml.reading import Reading, Table, TomlFile
from watcher.config.toml.tables import subtable, validated
from watcher.config.values import addresses
from watcher.config.values.durations import parse_duration
from watcher.core.invoices.invoice import Invoice
from watcher.providers.adapter_file.spec import (
    Auth,
    AuthType,
    ChangedSince,
    HintSpec,
    HintType,
    HmacEncoding,
    HmacOver,
    ListSpec,
    PageKind,
    Pages,
    Request,
    TokenFormat,
)
from watcher.providers.adapter_file.values import Condition

_NEEDED: dict[AuthType, tuple[str, ...]] = {
    AuthType.NONE: (),
    AuthType.BEARER: ("token",),
    AuthType.BASIC: ("user",),
    AuthType.HEADER: ("header", "token"),
    AuthType.OAUTH2: ("token_url", "client_id", "client_secret"),
}
_POSSIBLE: dict[AuthType, tuple[str, ...]] = {
    AuthType.BASIC: ("password",),
    AuthType.OAUTH2: ("send", "scope", "unit", "lifetime", "renew"),
}
_WITH_HEADER = frozenset({HintType.HMAC, HintType.TIMESTAMPED_HMAC, HintType.KEY})
_OF_EVERY_HINT = ("ids", "prefix", "where")
OMITTABLE = frozenset({*Invoice.__dataclass_fields__, "customer"})
_Model = TypeVar("_Model", bound=Settings)


def read_auth(table: AuthTable, expressions: Expressions) -> Auth | None:
    if not _has_keys_of_type(table, "auth", _NEEDED[table.type], _POSSIBLE.get(table.type, ()), expressions):
        return None
    return Auth(
        type=table.type,
        token=table.token or "",
        user=table.user or "",
        password=table.password or "",
        header=table.header or "",
        client_id=table.client_id or "",
        client_secret=table.client_secret or "",
        token_url=_token_path(table.token_url, expressions),
        send=table.send or TokenFormat.BASIC,
        scope=table.scope or "",
        unit=parse_duration(f"1{table.unit or 's'}"),
        lifetime=parse_duration("1h") if table.lifetime is None else table.lifetime,
        renew=parse_duration("1m") if table.renew is None else table.renew,
    )


def _has_keys_of_type(
    table: AuthTable | HintsTable, name: str, needed: Sequence[str], possible: Sequence[str], expressions: Expressions
) -> bool:
    """Whether none is missing of the keys that its `type` needs. Those that do not belong to it are problems."""
    for key in sorted(table.model_fields_set - {"type", *needed, *possible}):
        allowed = one_of((*needed, *possible)) or "nothing else"
        expressions.problem((name, key), f'does not belong to type "{table.type}", allowed: {allowed}')
    missing = [key for key in needed if getattr(table, key) is None]
    for key in missing:
        expressions.problem((name, key), f'is missing, must be set where type is "{table.type}"')
    return not missing


def read_hints(file: TomlFile, reading: Reading, expressions: Expressions) -> HintSpec | None:
    if "hints" not in file.table:
        return None
    raw = subtable(file, reading, ("hints",))
    table = validated(HintsTable, raw, file=file, path=("hints",), reading=reading)
    where = expressions.condition(raw["where"], ("hints", "where")) if "where" in raw else None
    if table is None:
        return None
    needed = ("header",) if table.type in _WITH_HEADER else ()
    possible = (*_OF_EVERY_HINT, *(("encoding", "over") if table.type is HintType.HMAC else ()))
    if not _has_keys_of_type(table, "hints", needed, possible, expressions):
        return None
    return HintSpec(
        type=table.type,
        ids=table.ids,
        header=table.header or "",
        encoding=table.encoding or HmacEncoding.BASE64,
        over=table.over or HmacOver.BODY,
        where=where,
        prefix=table.prefix,
    )


def _token_path(text: str | None, expressions: Expressions) -> str:
    """The path; empty for a URL, which is then an option of the source."""
    if text is None:
        return ""
    if text.startswith("/"):
        table = {"path": text}
        checked = validated(
            _TokenPath, table, file=expressions.file, path=("auth", "token_url"), reading=expressions.reading
        )
        return "" if checked is None else checked.path
    try:
        addresses.provider_url(text)
    except ValueError as error:
        expressions.problem(("auth", "token_url"), f"{shown(text)} {error}")
    return ""


class _TokenPath(Settings):
    path: RequestPath


def read_list(file: TomlFile, reading: Reading, expressions: Expressions) -> ListSpec | None:
    if "list" not in file.table:
        return None
    raw = subtable(file, reading, ("list",))
    table = validated(ListTable, raw, file=file, path=("list",), reading=reading)
    pages = _inner(PagesTable, "pages", raw, expressions)
    each = _inner(EachTable, "each", raw, expressions)
    changed = _inner(ChangedSinceTable, "changed_since", raw, expressions)
    more = _more(raw, expressions)
    if table is None:
        return None
    for number, name in enumerate(table.omits):
        if name not in OMITTABLE:
            expressions.problem(("list", "omits", number), f"{shown(name)} is not a field of a snapshot")
    if table.whole and table.omits:
        expressions.problem(("list", "omits"), "is for rows that are not whole documents: say whole = false")
    if changed is not None and table.changed_at is None:
        expressions.problem(("list", "changed_at"), "is missing, must say when a row changed, for changed_since")
    return ListSpec(
        request=Request(table.path, table.query),
        rows=table.rows,
        row=table.row,
        pages=Pages(PageKind.NONE) if pages is None else _pages(pages, more),
        is_whole=table.whole,
        is_omitted_when_empty=table.omitted_when_empty,
        omits=frozenset(table.omits),
        each=None if each is None or not each.values else (each.parameter, each.values),
        total=table.total,
        changed_at=table.changed_at,
        changed_since=changed and ChangedSince(changed.parameter, changed.times, changed.query, changed.overlap),
    )


def _inner(model: type[_Model], name: str, raw: Table, expressions: Expressions) -> _Model | None:
    path: KeyPath = ("list", name)
    if name not in raw:
        return None
    if not isinstance(raw[name], dict):
        expressions.problem(path, f"{shown(raw[name])} is not a table, must be one")
        return None
    found = validated(model, cast("Table", raw[name]), file=expressions.file, path=path, reading=expressions.reading)
    if isinstance(found, PagesTable):
        _check_pages(found, expressions)
    return found


def _check_pages(pages: PagesTable, expressions: Expressions) -> None:
    path: KeyPath = ("list", "pages")
    if pages.by is not PageKind.NONE and not pages.parameter:
        expressions.problem((*path, "parameter"), f'is missing, must be set where by is "{pages.by}"')
    if (pages.next is not None) != (pages.by is PageKind.CURSOR):
        expressions.problem((*path, "next"), 'selects the next cursor: must be set where by is "cursor", only there')


def _more(raw: Table, expressions: Expressions) -> Condition | None:
    pages = raw.get("pages")
    written: Table = cast("Table", pages) if isinstance(pages, dict) else {}
    return expressions.condition(written["more"], ("list", "pages", "more")) if "more" in written else None


def _pages(table: PagesTable, more: Condition | None) -> Pages:
    first = table.first
    if first is None:
        first = 1 if table.by is PageKind.NUMBER else 0
    return Pages(
        by=table.by,
        parameter=table.parameter,
        size_parameter=table.size_parameter,
        size=table.size,
        first=first,
        next=table.next,
        more=more,
    )
