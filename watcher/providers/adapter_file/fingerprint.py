"""The fingerprint of a document, without what its adapter file calls volatile."""

from typing import cast

from watcher.core.errors import InvalidAnswer
from watcher.core.json_text import Document
from watcher.providers.adapter_file.spec import InvoiceSpec
from watcher.providers.toolkit import documents

Path = tuple[str, ...]


def steady_fingerprint(document: Document, spec: InvoiceSpec) -> bytes:
    """Raises InvalidAnswer for a document that is nested too deep."""
    hashed: object = document
    for path in spec.volatile:
        hashed = _without(hashed, path)
    for path in spec.unordered:
        hashed = _sorted(hashed, path)
    if not spec.kept:
        return documents.fingerprint(hashed)
    return documents.fingerprint([hashed, [at(document, path) for path in spec.kept]])


def at(value: object, path: Path) -> object:
    """What stands at a path of keys; None if there is nothing."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, object]", value).get(key)
    return value


def object_at(value: object, path: Path) -> Document:
    """The object at a path of keys. Raises InvalidAnswer for anything else."""
    found = at(value, path)
    if not isinstance(found, dict):
        raise InvalidAnswer(f"{'.'.join(path) or 'the answer'}: an object is expected")
    return cast("Document", found)


def _without(value: object, path: Path) -> object:
    """A copy without the field; in a list, without that of each item."""
    if isinstance(value, list):
        return [_without(item, path) for item in cast("list[object]", value)]
    if not isinstance(value, dict) or path[0] not in value:
        return cast("object", value)
    members = cast("dict[str, object]", value)
    if len(path) == 1:
        return {key: item for key, item in members.items() if key != path[0]}
    return {**members, path[0]: _without(members[path[0]], path[1:])}


def _sorted(value: object, path: Path) -> object:
    if not path:
        return documents.by_id(value)
    if not isinstance(value, dict) or path[0] not in value:
        return cast("object", value)
    members = cast("dict[str, object]", value)
    return {**members, path[0]: _sorted(members[path[0]], path[1:])}
