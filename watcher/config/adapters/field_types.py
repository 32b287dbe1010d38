"""The types of values in adapter files: how each is read from TOML, and what its schema says."""

import re
from collections.abc import Callable, Sized
from typing import Annotated, TypeVar, cast

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from watcher.config.toml.messages import shown
from watcher.config.values.types import Text
from watcher.providers.adapter_file.selection import FUNCTIONS, Selection, compiled
from watcher.providers.adapter_file.spec import FromCredential, FromOption, Query

_T = TypeVar("_T")
_Items = TypeVar("_Items", bound=Sized)

_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@{}/-]*")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f]")
ID = "{id}"
REFERS = "$comment"
"""Stands for `$ref` until the schema is whole: pydantic follows references as it goes."""

SELECTION_SCHEMA: dict[str, object] = {
    "type": "string",
    "description": f"JMESPath without new lists and objects; functions: {', '.join(FUNCTIONS)}.",
}
_PLAIN_SCHEMA: dict[str, object] = {"type": "string"}
_FROM_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"credential": {"type": "string"}, "option": {"type": "string"}},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}
_HEADER_SCHEMA: dict[str, object] = {"anyOf": [_PLAIN_SCHEMA, _FROM_SCHEMA]}
_QUERY_SCHEMA: dict[str, object] = {
    "type": "object",
    "additionalProperties": {"anyOf": [_PLAIN_SCHEMA, {"type": "array", "items": _PLAIN_SCHEMA}, _FROM_SCHEMA]},
}


def _selection(value: object) -> object:
    if isinstance(value, Selection):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not a selection, must be JMESPath in quotes")  # noqa: TRY004 - pydantic
    try:
        return compiled(value)
    except ValueError as error:
        raise ValueError(f"{shown(value)} {error}") from error


def _selections(value: object) -> object:
    return cast("object", value) if isinstance(value, list) else [value]


def _keys(value: object) -> object:
    """Keys with dots between them; empty text is the whole."""
    if isinstance(value, tuple):
        return cast("object", value)
    if not isinstance(value, str) or _UNFIT.search(value) or (value and not all(value.split("."))):
        raise ValueError(f'{shown(value)} is not a path, must be keys such as "data.invoice", or "" for all of it')
    return tuple(value.split(".")) if value else ()


def _path(text: str) -> str:
    """A path below the base URL, which no path can leave."""
    plain = text.replace(ID, "")
    if not _PATH.fullmatch(text) or text.startswith("//") or "{" in plain or "}" in plain:
        raise ValueError(
            f'{shown(text)} is not a path, must begin with one "/" and have no query, such as "/v1/invoices/{ID}"'
        )
    if {".", ".."} & set(text.split("/")):
        raise ValueError(f"{shown(text)} leaves the base URL, must have no . or .. in it")
    return text


def _path_with_id(text: str) -> str:
    if ID not in text.split("/"):
        raise ValueError(f"{shown(text)} does not say which invoice, must have {ID} between slashes")
    return text


def _path_without_id(text: str) -> str:
    if ID in text:
        raise ValueError(f"{shown(text)} has {ID}, which only the request by id knows")
    return text


def _header(value: object) -> object:
    if isinstance(value, str):
        if _UNFIT.search(value):
            raise ValueError("holds line ends or control characters, must be one line of text")
        return value
    return _reference(value, ("credential", "option"))


def _reference(value: object, kinds: tuple[str, ...]) -> object:
    allowed = " or ".join(f'{{ {kind} = "name" }}' for kind in kinds)
    if isinstance(value, dict) and len(cast("dict[str, object]", value)) == 1:
        kind, name = next(iter(cast("dict[str, object]", value).items()))
        if kind in kinds and isinstance(name, str) and _KEY.fullmatch(name):
            return FromCredential(name) if kind == "credential" else FromOption(name)
    raise ValueError(f"{shown(cast('object', value))} is not allowed, must be text in quotes or {allowed}")


def _query(value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)} is not allowed, must be a table")  # noqa: TRY004 - pydantic reports ValueErrors
    pairs: list[tuple[str, object]] = []
    for name, given in cast("dict[str, object]", value).items():
        for one in cast("list[object]", given) if isinstance(given, list) else [given]:
            try:
                pairs.append((name, one if isinstance(one, str) else _reference(one, ("option",))))
            except ValueError as error:
                raise ValueError(f"{shown(name)}: {error}") from error
    return tuple(pairs)


def _received_header(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise ValueError(f"{shown(text)} is not the name of a header, must be letters, digits and -")
    return text


def _not_empty(items: tuple[_T, ...]) -> tuple[_T, ...]:
    if not items:
        raise ValueError("has no item, must have one or more")
    return items


def _field_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    if not keys:
        raise ValueError('"" is all of it, must be keys such as "customer.name"')
    return keys


def at_most(count: int) -> Callable[[_Items], _Items]:
    """Every item may cost time at each poll."""

    def check(items: _Items) -> _Items:
        if len(items) > count:
            raise ValueError(f"has {len(items)} items, at most {count}")
        return items

    return check


def _name(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a key, must begin with a letter and be of a to z, 0 to 9 and _")
    return text


Select = Annotated[Selection, BeforeValidator(_selection), WithJsonSchema(SELECTION_SCHEMA)]
Selects = Annotated[
    tuple[Select, ...],
    BeforeValidator(_selections),
    WithJsonSchema({"anyOf": [SELECTION_SCHEMA, {"type": "array", "items": SELECTION_SCHEMA}]}),
]
FewSelects = Annotated[Selects, AfterValidator(_not_empty), AfterValidator(at_most(10))]
Keys = Annotated[tuple[str, ...], BeforeValidator(_keys), WithJsonSchema({"type": "string"})]
FewFields = Annotated[tuple[Annotated[Keys, AfterValidator(_field_keys)], ...], AfterValidator(at_most(50))]
RequestPath = Annotated[Text, AfterValidator(_path), AfterValidator(_path_without_id)]
InvoicePath = Annotated[Text, AfterValidator(_path), AfterValidator(_path_with_id)]
HeaderPlain = Annotated[object, BeforeValidator(_header), WithJsonSchema(_HEADER_SCHEMA)]
Parameters = Annotated[Query, BeforeValidator(_query), WithJsonSchema(_QUERY_SCHEMA)]
ReceivedHeader = Annotated[Text, AfterValidator(_received_header)]
"""A header of a webhook, which may have names that no request of ours may set."""
Key = Annotated[Text, AfterValidator(_name)]
Raw = Annotated[object, WithJsonSchema({REFERS: "value"})]
RawCondition = Annotated[object, WithJsonSchema({REFERS: "condition"})]
