"""What the poller knows of one source: all of it fixed until the next reload."""

from collections.abc import Callable
from dataclasses import dataclass
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
    """`regular` gives the policy's next look at an open invoice, from its standing, now and luck.

    `adaptive_policy` is what it goes by where the policy is adaptive.
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
    host: str = ""
    """Sources at one host are reached, or not, together."""
    subscriptions: tuple[Subscription, ...] = ()
    adaptive_policy: AdaptivePolicy | None = None

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
        """A digest of what the configuration adds to the provider's document: a comparison goes by both.

        The clock's rules are part of it: what they change (the flag, the next instant) is found by comparing anew.
        """
        return fingerprint.digest((watch.tags, watch.due_on, self.timezone.key, self.customer_names, self.clock))
