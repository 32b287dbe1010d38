"""The bodies as TypeScript: a union of events that `type` tells apart. Types only, nothing that runs."""

import json
from collections.abc import Iterator

from watcher.cli.receiver_types.model import (
    Alias,
    Bodies,
    Choice,
    Either,
    EventShape,
    Field,
    Group,
    Kind,
    ListOf,
    Named,
    Record,
    Scalar,
)

_HEAD = """\
/**
 * The webhooks of Invoice Watcher, as JSON.parse returns them once they are verified.
 *
 * Made by `invoice-watcher schema event --as typescript`. Print it anew rather than change it. A later version may
 * add types of events and fields: ignore what you do not know.
 */
"""
_SCALARS = {"string": "string", "integer": "number", "boolean": "boolean", "null": "null"}


def typescript(bodies: Bodies) -> str:
    parts = [_HEAD]
    parts += [_alias(alias) for alias in bodies.aliases]
    parts += [_record(record) for record in bodies.records]
    parts += [_group(group) for group in bodies.groups]
    parts += [_event(event) for event in bodies.events]
    parts += [
        _union(f"{group.subject}Event", [event.name for event in bodies.events_of(group)]) for group in bodies.groups
    ]
    parts.append(_union("WatcherEvent", [f"{group.subject}Event" for group in bodies.groups]))
    return "\n".join(parts)


def _alias(alias: Alias) -> str:
    if isinstance(alias.kind, Either | Choice):
        options = (
            alias.kind.options if isinstance(alias.kind, Either) else [Choice((one,)) for one in alias.kind.values]
        )
        return _comment(alias.description) + _union(alias.name, [_type(option) for option in options])
    return f"{_comment(alias.description)}export type {alias.name} = {_type(alias.kind)};\n"


def _record(record: Record) -> str:
    return f"{_comment(record.description)}export interface {record.name} {{\n{_lines(record.fields, '  ')}}}\n"


def _group(group: Group) -> str:
    optional = {*group.whole, *group.instead}
    always = [one for one in group.fields if one.name not in optional]
    if not group.whole:
        return f"export interface {group.subject}Data {{\n{_lines(always, '  ')}}}\n"
    whole = [one for one in group.fields if one.name in group.whole]
    instead = [one for one in group.fields if one.name in group.instead]
    return (
        f"export type {group.subject}Data = {{\n{_lines(always, '  ')}}} & (\n"
        f"  | {{\n{_lines(whole, '      ', required=True)}{_never(instead)}    }}\n"
        f"  | {{\n{_never(whole)}{_lines(instead, '      ')}    }}\n"
        ");\n"
    )


def _event(event: EventShape) -> str:
    own = f" & {{\n{_lines(event.own, '    ')}  }}" if event.own else ""
    return (
        f"{_comment(event.description)}export interface {event.name} {{\n"
        f"  type: {json.dumps(event.type)};\n"
        "  timestamp: Instant;\n"
        f"  data: {event.subject}Data{own};\n"
        "}\n"
    )


def _union(name: str, options: list[str]) -> str:
    return f"export type {name} =\n" + "\n".join(f"  | {option}" for option in options) + ";\n"


def _lines(fields: Iterator[Field] | list[Field] | tuple[Field, ...], indent: str, *, required: bool = False) -> str:
    return "".join(
        f"{_comment(one.description, indent)}{indent}{one.name}{'' if one.is_required or required else '?'}:"
        f" {_type(one.kind)};\n"
        for one in fields
    )


def _never(fields: list[Field]) -> str:
    return "".join(f"      {one.name}?: never;\n" for one in fields)


def _type(kind: Kind) -> str:
    match kind:
        case Scalar(word):
            return _SCALARS[word]
        case Named(name):
            return name
        case Choice(values):
            return " | ".join(json.dumps(value) for value in values)
        case ListOf(item):
            return f"({_type(item)})[]" if isinstance(item, Either) else f"{_type(item)}[]"
        case Either(options):
            return " | ".join(_type(option) for option in options)


def _comment(description: str, indent: str = "") -> str:
    return f"{indent}/** {description} */\n" if description else ""
