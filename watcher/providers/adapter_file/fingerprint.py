"""The fingerprint of a document, without what its adapter file calls volatile."""

from typing import cast

from watcher.core.json_text import Document
from watcher.providers.adapter_file.paths import PathTree
from watcher.providers.adapter_file.spec import InvoiceSpec
from watcher.providers.toolkit import documents


def steady_fingerprint(document: Document, spec: InvoiceSpec) -> bytes:
    """Raises InvalidAnswer for a document that is nested too deep."""
    hashed: object = document
    if spec.volatile:
        hashed = _without(hashed, spec.volatile)
    if spec.unordered:
        hashed = _sorted(hashed, spec.unordered)
    if not spec.kept:
        return documents.fingerprint(hashed)
    return documents.fingerprint([hashed, _only(document, spec.kept)])


def _without(value: object, tree: PathTree) -> object:
    """A copy without these fields; in a list, without those of each item."""
    if isinstance(value, list):
        return [_without(item, tree) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    members = dict(cast("dict[str, object]", value))
    for key, inner in tree.items():
        if key in members and inner:
            members[key] = _without(members[key], inner)
        else:
            members.pop(key, None)
    return members


def _only(value: object, tree: PathTree) -> object:
    members = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return {key: _only(members.get(key), inner) if inner else members.get(key) for key, inner in tree.items()}


def _sorted(value: object, tree: PathTree) -> object:
    """A copy with these lists sorted; in a list, with those of each item."""
    if isinstance(value, list):
        return [_sorted(item, tree) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    members = dict(cast("dict[str, object]", value))
    for key in members.keys() & tree.keys():
        members[key] = _sorted(members[key], tree[key]) if tree[key] else documents.by_id(members[key])
    return members
