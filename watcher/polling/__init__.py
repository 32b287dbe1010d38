"""Due watches → fetch → compare → record."""

from watcher.polling.adaptive import AdaptivePolicy, Tuner
from watcher.polling.poller import Poller, PollStores
from watcher.polling.source_plan import SourcePlan

__all__ = ["AdaptivePolicy", "PollStores", "Poller", "SourcePlan", "Tuner"]
