"""Due watches → fetch → compare → record."""

from watcher.polling.plan import SourcePlan
from watcher.polling.poller import Poller

__all__ = ["Poller", "SourcePlan"]
