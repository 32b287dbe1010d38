"""The audit trail: what was changed by API, page or command line, and by whom."""

from dataclasses import dataclass
from enum import StrEnum


class AuditAction(StrEnum):
    WATCH_ADD = "watch.add"
    WATCH_EDIT = "watch.edit"
    WATCH_REMOVE = "watch.remove"
    WATCH_PURGE = "watch.purge"
    WATCH_IMPORT = "watch.import"
    WATCH_DISCOVER = "watch.discover"
    WATCH_POLL = "watch.poll"
    REDELIVER = "redeliver"
    ENDPOINT_TEST = "endpoint.test"
    ENDPOINT_ENABLE = "endpoint.enable"
    ENDPOINT_DISABLE = "endpoint.disable"
    DATABASE_UPGRADE = "database.upgrade"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`who` is `token:NAME`, `page:NAME`, `loopback` or `cli:USER`; `target` is what the action was done to, in words.

    `acme inv_7` for an invoice, a name for an endpoint, an id for an event or a delivery, a path for a file.
    """

    who: str
    action: AuditAction
    target: str
