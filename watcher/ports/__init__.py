"""What the use cases need from the world: small Protocols, one per user, and the values that cross them.

All instants are aware UTC. Everything here is frozen; sequences are tuples.
"""

from watcher.ports.deliveries import (
    Attempt,
    ClaimedDelivery,
    DeliveryState,
    Outbox,
    Outcome,
    Receipt,
    Sender,
    Settlement,
)
from watcher.ports.desk import Actions, Condition, Item, Reports, TestResult
from watcher.ports.observing import (
    UNOBSERVED,
    DeliveryObserver,
    EndpointBacklog,
    PollObserver,
    PollOutcome,
    SourceBacklog,
)
from watcher.ports.overview import Age, EndpointHealth, Figures, Lateness, Overlook, Purse, SourceHealth, Sum
from watcher.ports.polls import (
    Accounts,
    AccountState,
    Budget,
    Change,
    Claim,
    ClaimedWatch,
    ClaimRequest,
    EventRecord,
    Form,
    PollQueue,
    PollRecord,
    WatchState,
)
from watcher.ports.providers import Failed, Fetched, Found, Listed, Look, Missing, Pacer, Page, Provider
from watcher.ports.rounds import ListedIds, RoundKind, Rounds
from watcher.ports.surveys import Surveys
from watcher.ports.watches import ListsApplied, SourceRow, WatchEntry, Watches

__all__ = [
    "UNOBSERVED",
    "AccountState",
    "Accounts",
    "Actions",
    "Age",
    "Attempt",
    "Budget",
    "Change",
    "Claim",
    "ClaimRequest",
    "ClaimedDelivery",
    "ClaimedWatch",
    "Condition",
    "DeliveryObserver",
    "DeliveryState",
    "EndpointBacklog",
    "EndpointHealth",
    "EventRecord",
    "Failed",
    "Fetched",
    "Figures",
    "Form",
    "Found",
    "Item",
    "Lateness",
    "Listed",
    "ListedIds",
    "ListsApplied",
    "Look",
    "Missing",
    "Outbox",
    "Outcome",
    "Overlook",
    "Pacer",
    "Page",
    "PollObserver",
    "PollOutcome",
    "PollQueue",
    "PollRecord",
    "Provider",
    "Purse",
    "Receipt",
    "Reports",
    "RoundKind",
    "Rounds",
    "Sender",
    "Settlement",
    "SourceBacklog",
    "SourceHealth",
    "SourceRow",
    "Sum",
    "Surveys",
    "TestResult",
    "WatchEntry",
    "WatchState",
    "Watches",
]
