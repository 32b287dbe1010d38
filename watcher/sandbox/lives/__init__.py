"""The script of `demo`: invoices at each provider, and what happens to them."""

from watcher.sandbox.lives.built_in import HINTED, HINTED_LIVES
from watcher.sandbox.lives.life import Act, Life, Step
from watcher.sandbox.lives.play import (
    DEMO_PROVIDERS,
    DEMO_WATCHES,
    EXPECTED,
    LASTS,
    LIVES,
    Pace,
    lives_of,
    play,
    prepare,
)

__all__ = [
    "DEMO_PROVIDERS",
    "DEMO_WATCHES",
    "EXPECTED",
    "HINTED",
    "HINTED_LIVES",
    "LASTS",
    "LIVES",
    "Act",
    "Life",
    "Pace",
    "Step",
    "lives_of",
    "play",
    "prepare",
]
