"""Changes a webhook secret: where the new one belongs, and the line that lists it before the old one."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast

from watcher.config.toml.reading import Reading, TomlFile
from watcher.config.values.secret_references import HOW, KINDS
from watcher.core.errors import ConfigError

_NUMBERED = re.compile(r"(?P<name>.+)[_-](?P<number>[0-9]{1,4})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reference:
    """`kind` is env, file or credential."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{{ {self.kind} = {json.dumps(self.name, ensure_ascii=False)} }}"


@dataclass(frozen=True, slots=True)
class Rotation:
    """`old` are the references as they are now, newest first; `number` is their line in the file."""

    new: Reference
    old: tuple[Reference, ...]
    path: Path
    number: int

    @property
    def line(self) -> str:
        return secrets_line((self.new, *self.old))


def secrets_line(references: Collection[Reference]) -> str:
    """The line of an endpoint's table."""
    return f"secrets = [{', '.join(map(str, references))}]"


def rotation(path: Path, endpoint: str) -> Rotation | None:
    """None if the file has no such endpoint. Resolves no secret: those of the service may be out of reach here.

    Raises ConfigError if the file, or its references to these secrets, cannot be read.
    """
    file, written = _written(path)
    if endpoint not in written:
        return None
    old = written[endpoint]
    place = file.problem(("endpoints", endpoint, "secrets"), f"must be a list of {HOW}")
    if not old:
        raise ConfigError((str(place),))
    taken = {reference for references in written.values() for reference in references}
    return Rotation(_successor(old[0], taken, path.parent), old, path, place.line)


def written_references(path: Path, endpoint: str) -> tuple[Reference, ...]:
    """The file's references to this endpoint's secrets, newest first. Raises ConfigError."""
    return _written(path)[1].get(endpoint, ())


def endpoint_names(path: Path) -> tuple[str, ...]:
    """The endpoints that the file names. Raises ConfigError if it cannot be read."""
    return tuple(_written(path)[1])


def _written(path: Path) -> tuple[TomlFile, Mapping[str, tuple[Reference, ...]]]:
    reading = Reading(path, {})
    file = reading.toml(path)
    if file is None:
        raise ConfigError(reading.problem_lines())
    return file, {name: _references(table.get("secrets")) for name, table in _tables(file.table.get("endpoints"))}


def _tables(value: object) -> list[tuple[str, Mapping[str, object]]]:
    tables = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return [(name, cast("dict[str, object]", one)) for name, one in tables.items() if isinstance(one, dict)]


def _references(value: object) -> tuple[Reference, ...]:
    """Nothing if any of them is no reference: `check` says what is wrong."""
    rows = cast("list[object]", value) if isinstance(value, list) else []
    found: list[Reference] = []
    for row in rows:
        pairs = list(cast("dict[str, object]", row).items()) if isinstance(row, dict) else []
        if len(pairs) != 1 or pairs[0][0] not in KINDS or not isinstance(pairs[0][1], str):
            return ()
        found.append(Reference(pairs[0][0], pairs[0][1]))
    return tuple(found)


def _successor(reference: Reference, taken: Collection[Reference], base: Path) -> Reference:
    """The next free name of its kind: `LEDGER_2` after `LEDGER`, `secrets/ledger-2.txt` after `secrets/ledger.txt`."""
    path = PurePosixPath(reference.name) if reference.kind == "file" else None
    stem = reference.name if path is None else path.stem
    numbered = _NUMBERED.fullmatch(stem)
    name, number = (numbered["name"], int(numbered["number"])) if numbered else (stem, 1)
    while True:
        number += 1
        text = f"{name}{'_' if reference.kind == 'env' else '-'}{number}"
        candidate = Reference(reference.kind, text if path is None else str(path.with_stem(text)))
        if candidate not in taken and not (path is not None and (base / candidate.name).exists()):
            return candidate
