"""Due deliveries → send → settle: the half of the program that talks to subscribers."""

from watcher.delivery.dispatcher import Courier
from watcher.delivery.endpoint_limiter import CourierEndpoint
from watcher.delivery.retry_policy import settle

__all__ = ["Courier", "CourierEndpoint", "settle"]
