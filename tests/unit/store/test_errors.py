import asyncpg
import pytest

from watcher.core.errors import StoreUnreachable
from watcher.store.errors import explained


def test_a_driver_that_lost_its_place_in_the_protocol_has_lost_the_connection() -> None:
    """asyncpg says so when the network goes away between two parts of one statement."""
    with pytest.raises(StoreUnreachable, match="database closed the connection"), explained("the database"):
        raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")


def test_a_mistake_of_our_own_stays_what_it_is() -> None:
    with pytest.raises(asyncpg.UniqueViolationError), explained("the database"):
        raise asyncpg.UniqueViolationError
