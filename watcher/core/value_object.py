"""Values that are made for every poll: immutable for the type checker, and as cheap to make as any object."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value_object(cls: type[_T]) -> type[_T]:
    """Make the class a dataclass with slots that nobody assigns to; the type checker holds that.

    Python's own `frozen=True` sets each field through `object.__setattr__`: 2.9 µs for eight fields instead of 0.4 µs,
    and a poll makes a dozen such values.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
