"""The billing APIs on loopback, a ledger that controls them, and a receiver that verifies webhooks."""

from watcher.sandbox.bill import Bill, Change, Line
from watcher.sandbox.demo import demo_config, demo_files
from watcher.sandbox.hints import HintTarget, SentHint
from watcher.sandbox.keys import DEMO_HINT_SECRETS
from watcher.sandbox.ledger import PROVIDERS, Ledger
from watcher.sandbox.lives import DEMO_WATCHES, EXPECTED, LASTS, play, prepare
from watcher.sandbox.receiver import DEMO_SECRET, Delivery, Receiver
from watcher.sandbox.server import Sandbox
from watcher.sandbox.traps import Fault, FaultKind, HintTraps, Traps

__all__ = [
    "DEMO_HINT_SECRETS",
    "DEMO_SECRET",
    "DEMO_WATCHES",
    "EXPECTED",
    "LASTS",
    "PROVIDERS",
    "Bill",
    "Change",
    "Delivery",
    "Fault",
    "FaultKind",
    "HintTarget",
    "HintTraps",
    "Ledger",
    "Line",
    "Receiver",
    "Sandbox",
    "SentHint",
    "Traps",
    "demo_config",
    "demo_files",
    "play",
    "prepare",
]
