"""Due deliveries → send → settle: the half of the program that sends to subscribers."""

from watcher.delivery.digests import DigestDispatcher, DigestPolicy
from watcher.delivery.dispatcher import Dispatcher
from watcher.delivery.endpoint_limiter import EndpointPolicy
from watcher.delivery.retry_policy import settle

__all__ = ["DigestDispatcher", "DigestPolicy", "Dispatcher", "EndpointPolicy", "settle"]
