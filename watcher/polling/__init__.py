"""Due watches → fetch → compare → record."""

from watcher.polling.adaptive import AdaptivePolicy, Tuner
from watcher.polling.poller import Poller
from watcher.polling.source_plan import SourcePlan

__all__ = ["AdaptivePolicy", "Poller", "SourcePlan", "Tuner"]
