"""The database behind the ports. Nothing outside this package imports SQLAlchemy."""

from watcher.store.audit import SqlAudit
from watcher.store.deliveries.digests import SqlDigests
from watcher.store.deliveries.endpoints import SqlEndpoints
from watcher.store.deliveries.outbox import SqlOutbox
from watcher.store.deliveries.reached import SqlReached
from watcher.store.deliveries.redelivery import Redelivery
from watcher.store.engine import Store, open_store
from watcher.store.idle import IdleAccountStates, IdleListSyncs, IdleOutbox, IdlePollQueue, NextPoll
from watcher.store.maintenance.admin import backup, check, upgrade
from watcher.store.maintenance.amounts_fill import AmountsFill
from watcher.store.maintenance.event_retention import EventRetention, EventsForgotten
from watcher.store.maintenance.invariants.problem import Problem
from watcher.store.maintenance.lease_rescue import rescue_leases
from watcher.store.maintenance.retention import Retention
from watcher.store.maintenance.run_lock import hold_run_lock
from watcher.store.maintenance.throwaway import throwaway_database
from watcher.store.notifications import Notice
from watcher.store.polls.account_states import SqlAccountStates
from watcher.store.polls.hazard_stats import SqlHazardStats
from watcher.store.polls.hints import SqlHints
from watcher.store.polls.list_syncs import SqlListSyncs
from watcher.store.polls.queue import SqlPollQueue
from watcher.store.queries.aging import SqlAging
from watcher.store.queries.backlog import Backlogs
from watcher.store.queries.customers import SqlCustomers
from watcher.store.queries.dashboard import SqlDashboard
from watcher.store.queries.delay_stats import DelayStats, PollReasons
from watcher.store.queries.dso import SqlDso
from watcher.store.queries.forecast import SqlForecasts
from watcher.store.queries.hint_summary import HintSummaries, hint_item
from watcher.store.queries.reports import Reports
from watcher.store.replicas.link import ReplicaLink
from watcher.store.replicas.registry import HEARTBEAT_EVERY, Identity, ReplicaState, SqlReplicas
from watcher.store.watches.watches import SqlWatches

__all__ = [
    "HEARTBEAT_EVERY",
    "AmountsFill",
    "Backlogs",
    "DelayStats",
    "EventRetention",
    "EventsForgotten",
    "HintSummaries",
    "Identity",
    "IdleAccountStates",
    "IdleListSyncs",
    "IdleOutbox",
    "IdlePollQueue",
    "NextPoll",
    "Notice",
    "PollReasons",
    "Problem",
    "Redelivery",
    "ReplicaLink",
    "ReplicaState",
    "Reports",
    "Retention",
    "SqlAccountStates",
    "SqlAging",
    "SqlAudit",
    "SqlCustomers",
    "SqlDashboard",
    "SqlDigests",
    "SqlDso",
    "SqlEndpoints",
    "SqlForecasts",
    "SqlHazardStats",
    "SqlHints",
    "SqlListSyncs",
    "SqlOutbox",
    "SqlPollQueue",
    "SqlReached",
    "SqlReplicas",
    "SqlWatches",
    "Store",
    "backup",
    "check",
    "hint_item",
    "hold_run_lock",
    "open_store",
    "rescue_leases",
    "throwaway_database",
    "upgrade",
]
