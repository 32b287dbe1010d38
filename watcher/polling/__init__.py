"""Due watches → fetch → compare → record."""

from watcher.polling.adaptive import AdaptivePolicy, Tuner
from watcher.polling.hint_intake import HintIntake, HintSource
from watcher.polling.poller import Poller, PollStores
from watcher.polling.source_plan import SourcePlan

__all__ = ["AdaptivePolicy", "HintIntake", "HintSource", "PollStores", "Poller", "SourcePlan", "Tuner"]
