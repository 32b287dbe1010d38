"""Executes one statement for many rows, with a third of the work that SQLAlchemy does for each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Dialect, UpdateBase
from sqlalchemy.ext.asyncio import AsyncConnection

_MOST_STATEMENTS = 200

_BindProcessor = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """`constants` are the parameters with a value of their own. `processors` are by the place of their parameter."""

    sql: str
    constants: Mapping[str, Any]
    in_order: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    processors: tuple[tuple[int, _BindProcessor], ...]

    def values(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        values = list(self.in_order({**self.constants, **row}))
        for place, process in self.processors:
            values[place] = process(values[place])
        return tuple(values)


async def execute_many(connection: AsyncConnection, statement: UpdateBase, rows: Sequence[Mapping[str, Any]]) -> None:
    """The same as `connection.execute(statement, rows)`.

    All rows have the same keys. `statement` is one that was made once: it is compiled once, and not looked up by its
    content each time.
    """
    prepared = _prepared(statement, tuple(rows[0]), connection.dialect)
    await connection.exec_driver_sql(prepared.sql, [prepared.values(row) for row in rows])


@lru_cache(maxsize=_MOST_STATEMENTS)
def _prepared(statement: UpdateBase, keys: tuple[str, ...], dialect: Dialect) -> _Prepared:
    compiled = statement.compile(dialect=dialect, column_keys=list(keys))
    names = compiled.positiontup or ()  # never None: both drivers number their parameters
    processors = [compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    return _Prepared(
        str(compiled),
        {name: value for name, value in compiled.params.items() if name not in keys},
        itemgetter(*names),
        tuple((place, process) for place, process in enumerate(processors) if process is not None),
    )
