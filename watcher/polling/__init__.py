"""Due watches → fetch → compare → record."""

from watcher.polling.plan import SourcePlan
from watcher.polling.poller import Poller
from watcher.polling.tempo import Tempo, Tuner

__all__ = ["Poller", "SourcePlan", "Tempo", "Tuner"]
