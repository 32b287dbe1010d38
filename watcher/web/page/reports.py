"""The reports: what is due and for how long, and who changed what."""

from watcher.core.invoices.aging import Bucket
from watcher.ports import AgingBy, AgingRow, aging_item
from watcher.web.api import pagination
from watcher.web.api.queries import aging_place, audit_place, of_aging, of_audit
from watcher.web.page.charts import Part, bar
from watcher.web.page.filters import AgingFilter, AuditFilter
from watcher.web.page.lists import SHOWN
from watcher.web.page.view import PageRequest, View

BUCKETS = {
    Bucket.NOT_DUE: "Not due",
    Bucket.DAYS_1_7: "1 to 7 days",
    Bucket.DAYS_8_30: "8 to 30 days",
    Bucket.DAYS_31_60: "31 to 60 days",
    Bucket.DAYS_61_90: "61 to 90 days",
    Bucket.DAYS_OVER_90: "Over 90 days",
}

KINDS = {
    Bucket.NOT_DUE: "calm",
    Bucket.DAYS_1_7: "pending",
    Bucket.DAYS_8_30: "pending",
    Bucket.DAYS_31_60: "bad",
    Bucket.DAYS_61_90: "bad",
    Bucket.DAYS_OVER_90: "bad",
}
"""The colours of the bar."""


async def aging(page_request: PageRequest) -> View:
    asked = page_request.query(AgingFilter)
    found = await page_request.backend.aging(asked.by, aging_place(asked.cursor), SHOWN + 1)
    shown, following = pagination.first(found, SHOWN, of_aging)
    context = {
        "by": asked.by.value,
        "choices": [choice.value for choice in AgingBy],
        "buckets": BUCKETS,
        "rows": [(aging_item(row), _bar(row)) for row in shown],
        "chosen": {"by": asked.by.value},
        "next": None if following is None else {"by": asked.by.value, "cursor": following},
        "is_first": asked.cursor is None,
    }
    return View("aging.html", "reports", context)


def _bar(row: AgingRow) -> tuple[Part, ...]:
    """Which share of the money is due for how long."""
    return bar([(KINDS[bucket], found.due) for bucket, found in row.buckets.items()], row.total.due)


async def audit(page_request: PageRequest) -> View:
    """Newest first."""
    asked = page_request.query(AuditFilter)
    found = await page_request.backend.reports.audit(before=audit_place(asked.cursor), limit=SHOWN + 1)
    shown, following = pagination.first(found, SHOWN, of_audit)
    context: dict[str, object] = {
        "items": [item for _, item in shown],
        "next": None if following is None else {"cursor": following},
        "is_first": asked.cursor is None,
    }
    return View("audit.html", "audit", context)
