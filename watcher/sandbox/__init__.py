"""The five billing APIs on loopback, a ledger that scripts them, and a receiver that verifies webhooks."""

from watcher.sandbox.bill import Bill, Line
from watcher.sandbox.ledger import PROVIDERS, Ledger
from watcher.sandbox.receiver import DEMO_SECRET, Delivery, Receiver
from watcher.sandbox.server import Sandbox
from watcher.sandbox.traps import Fault, FaultKind, Traps

__all__ = [
    "DEMO_SECRET",
    "PROVIDERS",
    "Bill",
    "Delivery",
    "Fault",
    "FaultKind",
    "Ledger",
    "Line",
    "Receiver",
    "Sandbox",
    "Traps",
]
