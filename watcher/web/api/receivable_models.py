"""The shapes of answers about money that is due or was paid."""

from typing import Literal

from watcher.core.invoices.weeks import PeriodKind
from watcher.web.api.response_models import AgingSum, Day, Page, Shape


class CustomerSum(Shape):
    """The watched invoices of a customer in one direction and currency."""

    direction: Literal["receivable", "payable"]
    currency: str | None
    """Null for invoices without amounts."""
    unit: Literal["minor"] | None
    """minor: counted in minor units of unknown size."""
    invoices: int
    """All of them, whatever their status."""
    paid: str
    """What was paid of them; refunds are not taken away."""
    due: AgingSum
    """What is due of those that are open or partially paid."""
    overdue: AgingSum
    """The part of it whose due instant has passed."""


class Customer(Shape):
    """A customer of one source: the same id at two sources is two."""

    source: str
    customer_id: str
    customer_name: str | None
    sums: list[CustomerSum]


class ForecastPeriod(Shape):
    """What is due in one direction and currency within one week, or before, after or without one."""

    direction: Literal["receivable", "payable"]
    currency: str
    unit: Literal["minor"] | None
    """minor: counted in minor units of unknown size."""
    period: PeriodKind
    first_day: Day | None
    """The Monday of the week; of `later`, the first day."""
    last_day: Day | None
    """The Sunday of the week."""
    count: int
    due: str
    """The exact sum."""


class DsoMonth(Shape):
    """How long the money of one month's payments was outstanding, in one direction and currency."""

    direction: Literal["receivable", "payable"]
    currency: str
    unit: Literal["minor"] | None
    """minor: counted in minor units of unknown size."""
    month: str | None
    """Such as 2026-11; null for paid invoices without a payment date."""
    invoices: int
    """Those paid in this month with a payment date and an issue date."""
    paid: str
    """The exact sum of what was paid of them."""
    days: str | None
    """Days from issue to payment, each invoice weighed by what was paid of it; rounded to a tenth."""
    median_days: int | None
    """The same in the middle one of these invoices, each weighed alike."""
    left_out: int
    """Paid in this month and without an issue date; without a month, paid and without a payment date."""


class CustomerPage(Page[Customer]):
    """Customers by id and source."""


class ForecastPage(Page[ForecastPeriod]):
    """For each direction and currency: overdue, twelve weeks from this one on, later, without a due date."""


class DsoPage(Page[DsoMonth]):
    """For each direction and currency: twelve months up to this one, then what has no payment date."""
