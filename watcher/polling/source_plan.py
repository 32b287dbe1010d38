"""What the poller knows about one source; it does not change until the next reload."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from watcher.core.invoices.clock_events import ClockRules
from watcher.core.invoices.snapshot import WatchFacts
from watcher.core.scheduling.allocation import HazardGroup
from watcher.core.scheduling.intervals import PollRules
from watcher.core.webhooks.subscription import Subscription
from watcher.polling import fingerprint
from watcher.polling.adaptive import AdaptivePolicy
from watcher.polling.rate_limit import Spacing
from watcher.ports import ClaimedWatch, Provider


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """`regular` gives the policy's next poll of an open invoice, from its hazard group, the time and a jitter.

    `adaptive_policy` is set if the policy is adaptive.
    """

    name: str
    provider_name: str
    provider: Provider
    timezone: ZoneInfo
    spacing: Spacing
    timeout: timedelta
    regular: Callable[[HazardGroup, datetime, float], datetime]
    poll_rules: PollRules
    clock: ClockRules
    clock_wait: timedelta
    failing_after: timedelta
    customer_names: bool = False
    discover: bool = False
    hint_echo: timedelta | None = None
    """After a poll for a hint that found nothing new, one more follows in this time; None if hints are off."""
    host: str = ""
    """Sources at one host are reachable, or not, together."""
    subscriptions: tuple[Subscription, ...] = ()
    adaptive_policy: AdaptivePolicy | None = None
    _rules: str = field(init=False, repr=False, compare=False)
    """Hashing the rules themselves for every poll would cost more than reading the answer."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rules", f"{self.timezone.key!r}, {self.customer_names!r}, {self.clock!r}")

    def facts(self, watch: ClaimedWatch) -> WatchFacts:
        return WatchFacts(
            source=self.name,
            provider=self.provider_name,
            timezone=self.timezone,
            tags=watch.tags,
            due_on=watch.due_on,
            customer_names=self.customer_names,
        )

    def added(self, watch: ClaimedWatch) -> bytes:
        """A digest of what the configuration adds to the provider's document: both decide whether something changed.

        It includes the rules of the clock: what they change (the overdue flag, the next instant) is found by comparing
        again.
        """
        return fingerprint.added(watch.tags, watch.due_on, self._rules)
