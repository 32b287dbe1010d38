"""The bodies as one Python file: frozen dataclasses, and a `parse` that reads and checks a body.

Money becomes `Decimal`, instants aware `datetime`, so that a receiver has nothing left to convert. What is in `data` of
a body stands beside `type` and `timestamp` in the classes: `event.invoice_id`.
"""

import re
from collections.abc import Sequence
from importlib.resources import files

from watcher.cli.receiver_types.layout import comment, constant, docstring, literal
from watcher.cli.receiver_types.model import (
    NULL,
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

_HEAD = '''\
"""The webhooks of Invoice Watcher: `parse` makes an event of a verified body.

Made by `invoice-watcher schema event --as python`, for Python 3.11 and newer. Print it
anew rather than change it. Fields and types of events that a later version may add are
ignored, or raise UnknownEvent.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypedDict, TypeVar, cast

'''
_TIMESTAMP = Field("timestamp", Named("Instant"), "When the event was made.", is_required=True)
_TYPE = Field("type", Scalar("string"), "", is_required=True)
_CLASSES = {"date": "date", "date-time": "datetime", "money": "Decimal"}
_SCALARS = {"string": "str", "integer": "int", "boolean": "bool", "null": "None"}
_READS = {"string": "_text", "integer": "_integer", "boolean": "_boolean", "null": "_null"}
_TRUE = Choice((True,))
_DATACLASS = "@dataclass(frozen=True, slots=True, kw_only=True)\n"


def python(bodies: Bodies) -> str:
    return _Python(bodies).text()


class _Python:
    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._choices: dict[Choice, str] = {}
        """The name of the constant with these values."""
        for alias in bodies.aliases:
            if isinstance(alias.kind, Choice):
                self._choices[alias.kind] = f"_{_words(alias.name).upper()}"

    def text(self) -> str:
        aliases = "\n".join(self._alias(alias) for alias in self._bodies.aliases)
        classes = [*map(self._record, self._bodies.records), *map(self._group, self._bodies.groups)]
        classes += [self._event(event) for event in self._bodies.events]
        union = constant("WatcherEvent", [event.name for event in self._bodies.events], " | ")
        readers = [*map(self._reads_record, self._bodies.records), *map(self._reads_group, self._bodies.groups)]
        table, values = self._reads_events(), self._constants()  # values: known once all readers are made
        return _HEAD + "\n\n".join([aliases, *classes, union, _PARSE, _reading(), values, *readers, table])

    def _alias(self, alias: Alias) -> str:
        if alias.form is not None:
            return f"{alias.name} = {_CLASSES[alias.form]}\n" + docstring(alias.description, "")
        if isinstance(alias.kind, Choice):
            return f"{alias.name} = {literal(alias.kind.values)}\n"
        return f"{alias.name} = {self._type(alias.kind)}\n"

    def _record(self, record: Record) -> str:
        described = docstring(record.description or f"{record.name} of an event.", "    ")
        return f"{_DATACLASS}class {record.name}:\n{described}\n{self._fields(record.fields)}"

    def _group(self, group: Group) -> str:
        article = "a" if group.subject == "Source" else "an"
        described = docstring(f"What all events about {article} {group.subject.lower()} have.", "    ")
        fields = self._fields([_TYPE, _TIMESTAMP, *group.fields, *group.varying])
        return f"{_DATACLASS}class {group.subject}Event:\n{described}\n{fields}"

    def _event(self, event: EventShape) -> str:
        own = self._fields(event.own)
        return (
            f"{_DATACLASS}class {event.name}({event.subject}Event):\n{docstring(event.description, '    ')}\n"
            f'    type: Literal["{event.type}"] = "{event.type}"\n{own}'
        )

    def _fields(self, fields: Sequence[Field]) -> str:
        return "".join(self._field(one) for one in fields)

    def _field(self, one: Field) -> str:
        described = docstring(one.description, "    ") if one.description and one.kind != NULL else ""
        if one.is_required:
            return f"    {one.name}: {self._type(one.kind)}\n{described}"
        if one.kind == _TRUE:
            return f"    {one.name}: bool = False\n{described}"
        return f"    {one.name}: {self._type(one.kind)} | None = None\n{described}"

    def _type(self, kind: Kind) -> str:
        match kind:
            case Scalar(word):
                return _SCALARS[word]
            case Named(name):
                return name
            case Choice(values):
                return f"Literal[{', '.join(map(_quoted, values))}]"
            case ListOf(item):
                return f"tuple[{self._type(item)}, ...]"
            case Either(options):
                return " | ".join(self._type(option) for option in options)

    def _reads_record(self, record: Record) -> str:
        fields = "".join(f"        {self._argument('row', one)},\n" for one in record.fields)
        name = record.name
        return (
            f"def _{_words(name)}(at: str, value: object) -> {name}:\n    row = _Row(at, value)\n"
            f"    return {name}(\n{fields}    )\n"
        )

    def _reads_group(self, group: Group) -> str:
        """A function whose result is the arguments that all events of the group share."""
        subject, typed = group.subject, "".join(f"    {one.name}: {self._given(one)}\n" for one in group.fields)
        given = "".join(f'        "{one.name}": {self._value("data", one)},\n' for one in group.fields)
        whole, instead = f"({', '.join(map(_quoted, group.whole))})", f"({', '.join(map(_quoted, group.instead))},)"
        check = f"    data.holds_together({whole}, without={instead})\n" if group.whole else ""
        return (
            f"class _{subject}Arguments(TypedDict):\n    timestamp: Instant\n{typed}\n\n"
            f"def _{_words(subject)}_arguments(body: _Row, data: _Row) -> _{subject}Arguments:\n{check}"
            "    return {\n"
            f'        "timestamp": body.need("timestamp", _instant),\n{given}    }}\n'
        )

    def _reads_events(self) -> str:
        rows = "".join(
            f'    "{event.type}": lambda body, data: {event.name}(\n'
            f"        **_{_words(event.subject)}_arguments(body, data),\n"
            + "".join(f"        {self._argument('data', one)},\n" for one in event.own)
            + "    ),\n"
            for event in self._bodies.events
        )
        return f"_EVENTS: dict[str, Callable[[_Row, _Row], WatcherEvent]] = {{\n{rows}}}\n"

    def _constants(self) -> str:
        return "".join(
            f"{name}: tuple[{self._named(choice)}, ...] = ({', '.join(map(_quoted, choice.values))},)\n"
            if len(choice.values) == 1
            else constant(f"{name}: tuple[{self._named(choice)}, ...]", list(map(_quoted, choice.values)), ", ")
            for choice, name in self._choices.items()
        ) + "".join(
            f"_{_words(alias.name)} = {self._reader(alias.kind)}\n"
            for alias in self._bodies.aliases
            if isinstance(alias.kind, Either)
        )

    def _named(self, choice: Choice) -> str:
        """The alias of these values, or the values."""
        return next((alias.name for alias in self._bodies.aliases if alias.kind == choice), self._type(choice))

    def _argument(self, row: str, one: Field) -> str:
        return f"{one.name}={self._value(row, one)}"

    def _value(self, row: str, one: Field) -> str:
        if one.is_required:
            return f'{row}.need("{one.name}", {self._reader(one.kind, one.name)})'
        read = f'{row}.may("{one.name}", {self._reader(one.kind, one.name)})'
        return f"{read} is True" if one.kind == _TRUE else read

    def _given(self, one: Field) -> str:
        if one.is_required:
            return self._type(one.kind)
        return "bool" if one.kind == _TRUE else f"{self._type(one.kind)} | None"

    def _reader(self, kind: Kind, name: str = "") -> str:
        match kind:
            case Scalar(word):
                return _READS[word]
            case Named(title):
                choice = next((one.kind for one in self._bodies.aliases if one.name == title), None)
                return self._reader(choice) if isinstance(choice, Choice) else f"_{_words(title)}"
            case Choice():
                if kind not in self._choices:
                    self._choices[kind] = "_TRUE" if kind == _TRUE else f"_{name.upper()}"
                return f"_choice({self._choices[kind]})"
            case ListOf(item):
                return f"_list({self._reader(item)})"
            case Either((option, Scalar("null"))):
                return f"_or_null({self._reader(option, name)})"
            case Either(options):
                return f"_either({', '.join(self._reader(option) for option in options)})"


_PARSE = comment("""\
def parse(body: bytes | str) -> WatcherEvent:
    '''Read a body whose signature is verified.

    Raises UnknownEvent for a type that this file does not have, and InvalidBody.
    '''
    document = _loaded(body)
    name = document.need("type", _text)
    if name not in _EVENTS:
        raise UnknownEvent(f"body.type is {name!r}, which this file does not have")
    data = _Row("body.data", document.need("data", _any))
    return _EVENTS[name](document, data)
""")


def _reading() -> str:
    text = files("watcher.cli.receiver_types").joinpath("reading.py").read_text("utf-8")
    return text[text.index("_T = TypeVar") :]


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _words(name: str) -> str:
    """`CalendarDate` as calendar_date."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
