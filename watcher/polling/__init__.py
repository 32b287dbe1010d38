"""Due watches → fetch → compare → record."""

from watcher.polling.adaptive import Tempo, Tuner
from watcher.polling.poller import Poller
from watcher.polling.source_plan import SourcePlan

__all__ = ["Poller", "SourcePlan", "Tempo", "Tuner"]
