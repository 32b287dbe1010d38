"""Due deliveries → send → settle: the half of the program that talks to subscribers."""

from watcher.delivery.courier import Courier
from watcher.delivery.gate import CourierEndpoint
from watcher.delivery.settling import settle

__all__ = ["Courier", "CourierEndpoint", "settle"]
