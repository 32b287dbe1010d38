"""What the schema of the bodies says, without the words of JSON Schema: names, fields and events.

A keyword that is not read here is refused, so that a change of the schema cannot be lost in the types.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from watcher.core.invoices.event_schema import Schema
from watcher.core.value_object import value_object


@value_object
class Scalar:
    """`word` is the type in JSON Schema: string, integer, boolean or null."""

    word: str


@value_object
class Named:
    name: str


@value_object
class Choice:
    values: tuple[str | bool, ...]


@value_object
class ListOf:
    item: "Kind"


@value_object
class Either:
    options: tuple["Kind", ...]


Kind = Scalar | Named | Choice | ListOf | Either
NULL = Scalar("null")


@value_object
class Field:
    name: str
    kind: Kind
    description: str
    is_required: bool


@value_object
class Alias:
    """A name for what is no object. `form` says which text it is, if programs read it: date, date-time or money."""

    name: str
    kind: Kind
    description: str
    form: str | None


@value_object
class Record:
    name: str
    description: str
    fields: tuple[Field, ...]


@value_object
class Group:
    """Events about one kind of subject.

    `fields` of `data` are the same in all of them; `varying` ones are in all of them, with other values in some. Those
    of `whole` come all together or not at all; those of `instead` only without them.
    """

    subject: str
    fields: tuple[Field, ...]
    varying: tuple[Field, ...]
    whole: tuple[str, ...]
    instead: tuple[str, ...]


@value_object
class EventShape:
    """`own` are the fields of `data` that not all events of its group have, or not with the same values."""

    type: str
    name: str
    description: str
    subject: str
    own: tuple[Field, ...]


@value_object
class Bodies:
    aliases: tuple[Alias, ...]
    records: tuple[Record, ...]
    groups: tuple[Group, ...]
    events: tuple[EventShape, ...]

    def events_of(self, group: Group) -> Iterator[EventShape]:
        return (event for event in self.events if event.subject == group.subject)


def bodies(schema: Schema) -> Bodies:
    """Read what `event_schema` returns."""
    reader = _Reader(cast("Mapping[str, Schema]", schema["$defs"]))
    types = cast("Sequence[str]", _at(schema, "properties", "type", "enum"))
    data = {name: cast("Schema", _at(reader.definitions[name], "properties", "data")) for name in types}
    groups = tuple(reader.group(title, data) for title in dict.fromkeys(str(one["title"]) for one in data.values()))
    shared = {group.subject: frozenset(group.fields) for group in groups}
    events: list[EventShape] = []
    for name in types:
        subject = _subject(data[name])
        own = tuple(one for one in reader.fields(data[name]) if one not in shared[subject])
        events.append(EventShape(name, _class_name(name), _description(reader.definitions[name]), subject, own))
    return Bodies(tuple(reader.aliases.values()), tuple(reader.records.values()), groups, tuple(events))


_READ = frozenset(
    {"$ref", "additionalProperties", "anyOf", "const", "dependentRequired", "dependentSchemas", "description", "enum"}
    | {"format", "items", "properties", "required", "title", "type"}
)
_NO_MATTER_OF_TYPES = frozenset({"maxItems", "maxLength", "minItems", "minimum", "pattern"})


@dataclass(slots=True)
class _Reader:
    definitions: Mapping[str, Schema]
    aliases: dict[str, Alias] = field(default_factory=dict[str, Alias])
    records: dict[str, Record] = field(default_factory=dict[str, Record])

    def group(self, title: str, data: Mapping[str, Schema]) -> Group:
        members = [one for one in data.values() if one["title"] == title]
        first, *others = [self.fields(one) for one in members]
        fields = tuple(one for one in first if all(one in other for other in others))
        varying = tuple(_merged([one, *found]) for one in first if one not in fields and (found := _each(others, one)))
        requires = cast("Mapping[str, Sequence[str]]", members[0].get("dependentRequired", {}))
        conditions = cast("Mapping[str, Schema]", members[0].get("dependentSchemas", {}))
        instead = tuple(name for name, condition in conditions.items() if "not" in condition)
        return Group(_subject(members[0]), fields, varying, tuple(sorted(requires)), instead)

    def fields(self, schema: Schema) -> tuple[Field, ...]:
        required = cast("Sequence[str]", schema["required"])
        properties = cast("Mapping[str, Schema]", schema["properties"])
        return tuple(
            Field(name, self.kind(one), _description(one), name in required) for name, one in properties.items()
        )

    def kind(self, schema: Schema) -> Kind:
        unknown = schema.keys() - _READ - _NO_MATTER_OF_TYPES
        if unknown:
            raise NotImplementedError(f"no types are made of {', '.join(sorted(unknown))}")
        if "$ref" in schema:
            return self.kind(self.definitions[str(schema["$ref"]).removeprefix("#/$defs/")])
        if "title" in schema:
            self._keep(str(schema["title"]), schema)
            return Named(str(schema["title"]))
        return self._plain(schema)

    def _keep(self, name: str, schema: Schema) -> None:
        if schema.get("type") == "object":
            if name not in self.records:
                self.records[name] = Record(name, _description(schema), self.fields(schema))
        elif name not in self.aliases:
            form = str(schema["format"]) if "format" in schema else "money" if "pattern" in schema else None
            self.aliases[name] = Alias(name, self._plain(schema), _description(schema) if form else "", form)

    def _plain(self, schema: Schema) -> Kind:
        match schema:
            case {"const": value}:
                return Choice((cast("str | bool", value),))
            case {"enum": values}:
                return _choice(cast("Sequence[str | None]", values))
            case {"anyOf": options}:
                return Either(tuple(self.kind(one) for one in cast("Sequence[Schema]", options)))
            case {"type": list()}:
                words = cast("list[str]", schema["type"])
                return Either(tuple(self._plain({**schema, "type": word}) for word in words))
            case {"type": "array", "items": items}:
                return ListOf(self.kind(cast("Schema", items)))
            case _:
                return Scalar(str(schema["type"]))


def _each(members: Sequence[Sequence[Field]], wanted: Field) -> list[Field]:
    """The field of this name of each member; none if one lacks it."""
    found = [one for member in members for one in member if one.name == wanted.name]
    return found if len(found) == len(members) else []


def _merged(fields: Sequence[Field]) -> Field:
    """A field that has the values of all of these."""
    options: dict[Kind, None] = {}
    for one in fields:
        options |= dict.fromkeys(one.kind.options if isinstance(one.kind, Either) else (one.kind,))
    ordered = (*(kind for kind in options if kind != NULL), NULL) if NULL in options else tuple(options)
    return replace(fields[0], kind=Either(ordered))


def _choice(values: Sequence[str | None]) -> Kind:
    choice = Choice(tuple(value for value in values if value is not None))
    return Either((choice, NULL)) if None in values else choice


def _description(schema: Schema) -> str:
    return str(schema.get("description", ""))


def _subject(data: Schema) -> str:
    return str(data["title"]).removesuffix("Data")


def _class_name(event_type: str) -> str:
    return "".join(word.capitalize() for word in event_type.replace(".", "_").split("_"))


def _at(schema: object, *path: str) -> object:
    for key in path:
        schema = cast("Schema", schema)[key]
    return schema
