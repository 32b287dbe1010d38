"""The database behind the ports. Nothing outside this package imports SQLAlchemy."""

from watcher.store.accounts import SqlAccounts
from watcher.store.engine import Store, open_store
from watcher.store.outbox import SqlOutbox
from watcher.store.polls import SqlPollQueue
from watcher.store.watches import SqlWatches

__all__ = ["SqlAccounts", "SqlOutbox", "SqlPollQueue", "SqlWatches", "Store", "open_store"]
