"""The database behind the ports. Nothing outside this package imports SQLAlchemy."""

from watcher.store.abandoned import take_back
from watcher.store.accounts import SqlAccounts
from watcher.store.backlogs import Backlogs
from watcher.store.care import backup, check, upgrade
from watcher.store.endpoints import SqlEndpoints
from watcher.store.engine import Store, open_store
from watcher.store.outbox import SqlOutbox
from watcher.store.overlook import SqlOverlook
from watcher.store.polls import SqlPollQueue
from watcher.store.prospects import Prospect, Prospects
from watcher.store.redelivery import Redelivery
from watcher.store.reports import Reports
from watcher.store.retention import Retention
from watcher.store.rounds import SqlRounds
from watcher.store.run_lock import hold_run_lock
from watcher.store.surveys import SqlSurveys
from watcher.store.watches import SqlWatches

__all__ = [
    "Backlogs",
    "Prospect",
    "Prospects",
    "Redelivery",
    "Reports",
    "Retention",
    "SqlAccounts",
    "SqlEndpoints",
    "SqlOutbox",
    "SqlOverlook",
    "SqlPollQueue",
    "SqlRounds",
    "SqlSurveys",
    "SqlWatches",
    "Store",
    "backup",
    "check",
    "hold_run_lock",
    "open_store",
    "take_back",
    "upgrade",
]
