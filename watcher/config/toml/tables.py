"""Validates one table of the config file by a settings model: gives the settings, or problems with their lines."""

from collections.abc import Collection, Mapping
from typing import TypeVar, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from watcher.config.settings_base import Settings
from watcher.config.toml.messages import meant, one_of, shown
from watcher.config.toml.positions import KeyPath
from watcher.config.toml.reading import Problem, Reading, Table, TomlFile

_Model = TypeVar("_Model", bound=Settings)

_TYPE_WORDS = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "string_type": "must be text in quotes",
    "time_delta_type": 'must be a duration such as "15m"',
    "float_type": 'must be a rate such as "5/s"',
    "is_instance_of": "must be text in quotes",
}
_CONTAINER_WORDS = {
    "tuple_type": "must be a list",
    "mapping_type": "must be a table",
    "dict_type": "must be a table",
    "model_type": "must be a table",
}


def subtable(file: TomlFile, reading: Reading, path: KeyPath) -> Table:
    """The table at this path; an empty one if it is absent; None, with a problem, if it is no table."""
    table = file.table
    for part in path:
        value = table.get(str(part), {})
        if not isinstance(value, dict):
            reading.problems.append(file.problem(path, f"{shown(value)} is not a table, must be one"))
            return {}
        table = cast("Table", value)
    return table


def validated(
    model: type[_Model],
    values: Table,
    *,
    file: TomlFile,
    path: KeyPath,
    reading: Reading,
    renamed: Mapping[KeyPath, KeyPath] | None = None,
) -> _Model | None:
    """The settings of `values`; None, with its problems, if they are wrong.

    `renamed` maps places in the model to those in the file, if they differ.
    """
    try:
        return model.model_validate(values, context=reading)
    except ValidationError as error:
        known = tuple(model.model_fields)
        for details in error.errors(include_url=False):
            place = tuple(part for part in details["loc"] if part != "[key]")
            place = (renamed or {}).get(place, place)
            reading.problems.append(file.problem((*path, *place), _words(details, known)))
    return None


def unknown_keys(table: Table, known: Collection[str], *, file: TomlFile, path: KeyPath) -> list[Problem]:
    return [file.problem((*path, key), unknown_key(key, known)) for key in table if key not in known]


def unknown_key(key: str, known: Collection[str]) -> str:
    return f"is not a known key{meant(key, known)}, allowed: {', '.join(known)}"


def _words(details: ErrorDetails, known: Collection[str]) -> str:
    kind, given = details["type"], cast("object", details["input"])
    context = details.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return unknown_key(str(details["loc"][-1]), known)
    if kind == "missing":
        return "is missing, must be set"
    if kind in {"enum", "literal_error"}:
        words = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return f"{shown(given)} is unknown{meant(str(given), words)}, must be {one_of(words)}"
    return _type_words(kind, given) or details["msg"]


def _type_words(kind: str, given: object) -> str | None:
    if kind in _CONTAINER_WORDS:
        # What should be a list of secrets or a table of headers may be a secret itself: text is not shown.
        return f"{'text' if isinstance(given, str) else shown(given)} is not allowed, {_CONTAINER_WORDS[kind]}"
    return f"{shown(given)} is not allowed, {_TYPE_WORDS[kind]}" if kind in _TYPE_WORDS else None
