"""Who may ask the HTTP side, and what for."""

from dataclasses import dataclass, field
from enum import StrEnum


class Scope(StrEnum):
    READ = "read"
    """Sees everything and changes nothing."""
    OPERATE = "operate"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A configured token; `name` is what the audit trail calls whoever uses it."""

    name: str
    scope: Scope
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the audit trail names them: `token:NAME`, `page:NAME`, `loopback` where no token is set."""

    who: str
    scope: Scope

    @property
    def may_operate(self) -> bool:
        return self.scope is Scope.OPERATE
