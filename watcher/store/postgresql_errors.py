"""What the errors of PostgreSQL's driver mean.

The driver is an extra, and nothing here loads it: as long as it is not loaded, it has raised nothing.
"""

import sys
from functools import cache


def driver_errors() -> tuple[type[Exception], ...]:
    if not _is_loaded():
        return ()
    import asyncpg  # noqa: PLC0415 -- an extra

    return (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def is_of_another_session(error: BaseException) -> bool:
    """Whether a statement that this session has prepared is unknown to the server, or one that it has not, known."""
    if not _is_loaded():
        return False
    import asyncpg  # noqa: PLC0415 -- an extra

    return isinstance(error, (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError))


def driver_meaning(error: BaseException) -> str | None:
    """What follows the database's name in a sentence; None if the error says nothing that an operator can act on."""
    if not _is_loaded():
        return None
    import asyncpg  # noqa: PLC0415 -- an extra

    for kind, meaning in _meanings():
        if isinstance(error, kind):
            return meaning
    # asyncpg's own error comes where the network went away in the middle of a statement.
    is_closed = isinstance(error, asyncpg.InterfaceError) and "closed" in str(error)
    return "closed the connection" if is_closed or type(error) is asyncpg.InternalClientError else None


def _is_loaded() -> bool:
    return "asyncpg" in sys.modules


@cache
def _meanings() -> tuple[tuple[type[Exception], str], ...]:
    import asyncpg  # noqa: PLC0415 -- an extra

    return (
        (asyncpg.InvalidAuthorizationSpecificationError, "refused this user or its password"),
        (asyncpg.InvalidCatalogNameError, "has no such database: create it first"),
        (asyncpg.InsufficientPrivilegeError, "does not give this user the rights it needs"),
        (asyncpg.ReadOnlySQLTransactionError, "is read-only (a standby?): name the primary"),
        (asyncpg.DiskFullError, "cannot grow: its disk is full"),
        (asyncpg.InsufficientResourcesError, "is out of resources (disk, memory or connections)"),
        (asyncpg.LockNotAvailableError, "is locked by another program for too long"),
        (asyncpg.DeadlockDetectedError, "had two transactions waiting for each other: try again"),
        (asyncpg.SerializationError, "had two conflicting transactions: try again"),
        (asyncpg.QueryCanceledError, "took too long"),
        (asyncpg.UndefinedTableError, "has another schema than this program"),
        (asyncpg.UndefinedColumnError, "has another schema than this program"),
        (asyncpg.PostgresConnectionError, "closed the connection"),
        (asyncpg.OperatorInterventionError, "is starting, stopping or closed this connection"),
    )
