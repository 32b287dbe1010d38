"""Types for the fields of wire models: the strict ones matter, the lenient ones never fail."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainValidator,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from watcher.core.errors import InvalidAnswer
from watcher.core.json_text import Document
from watcher.providers.toolkit import field_values

_T = TypeVar("_T")
_W = TypeVar("_W", bound="Wire")


class Wire(BaseModel):
    """Base of all wire models: unknown fields are ignored, and an error never quotes what was sent."""

    # Built when first used: a process has sources of one or two providers, and models of all.
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, defer_build=True)


def _nothing_if_unreadable(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    try:
        return handler(value)
    except ValidationError:
        return None


def _none_if_empty(value: object) -> object:
    return value or None


def _list_or_empty(value: object) -> object:
    return () if value is None else value


Unused = Annotated[_T | None, WrapValidator(_nothing_if_unreadable)]
"""A field that no snapshot uses: described, and None if it is not as described."""
Optional = Annotated[_T | None, BeforeValidator(_none_if_empty)]
"""A part that matters if it is there; some servers write `""` or `[]` for an absent object."""
Listed = Annotated[tuple[_T, ...], BeforeValidator(_list_or_empty)]

Text = Annotated[str | None, PlainValidator(field_values.text)]
Instant = Annotated[datetime | None, PlainValidator(field_values.instant)]
UnixInstant = Annotated[datetime | None, PlainValidator(field_values.unix_instant)]
Day = Annotated[date | None, PlainValidator(field_values.day)]
Number = Annotated[Decimal | None, PlainValidator(field_values.number)]
Flag = Annotated[bool | None, PlainValidator(field_values.flag)]
Count = Annotated[int, PlainValidator(field_values.count)]
Amount = Annotated[Decimal, PlainValidator(field_values.amount)]
AmountOrZero = Annotated[Decimal, PlainValidator(field_values.amount_or_zero)]
Identifier = Annotated[str, PlainValidator(field_values.identifier)]
Word = Annotated[str, PlainValidator(field_values.word)]
WordOrEmpty = Annotated[str, PlainValidator(field_values.word_or_empty)]
Currency = Annotated[str, PlainValidator(field_values.currency)]


def validated(model: type[_W], document: Document) -> _W:
    """Check a document. Raises InvalidAnswer naming the first wrong field and how many more there are."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False, include_context=False)
        where = ".".join(str(part) for part in mistakes[0]["loc"])
        more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        raise InvalidAnswer(f"{where}: {mistakes[0]['msg']}{more}") from error
