"""Turns `[notify.*]` into the values that delivery takes."""

from watcher.config.endpoint_settings import EndpointSettings
from watcher.config.notify_settings import NotifySettings
from watcher.config.settings import Configuration
from watcher.core.notifications.digest_schedule import DigestSchedule
from watcher.core.webhooks.subscription import Subscription
from watcher.delivery import DigestPolicy, EndpointPolicy
from watcher.notify import TIMEOUT, NotifyTarget

POLICY = EndpointPolicy(
    retries=EndpointSettings.model_fields["retries"].default,
    rate=1.0,  # chat services take about one message a second
    concurrency=1,
    timeout=TIMEOUT,
)
"""As endpoints have it by default; one message at a time, as somebody reads them."""


def notify_targets(configuration: Configuration) -> dict[str, NotifyTarget]:
    return {one.name: notify_target(one, configuration.http.public_url) for one in _enabled(configuration)}


def notify_target(notify: NotifySettings, public_url: str | None) -> NotifyTarget:
    return NotifyTarget(
        name=notify.name,
        urls=tuple(url.get_secret_value() for url in notify.urls),
        allow_private=notify.allow_private,
        public_url=public_url,
    )


def notify_subscriptions(configuration: Configuration) -> tuple[Subscription, ...]:
    return tuple(
        Subscription(
            endpoint=one.name,
            events=one.events,
            sources=one.sources,
            tags=one.tags,
            whole=True,
            announce_tracked=configuration.watcher.announce_tracked,
        )
        for one in _enabled(configuration)
    )


def notify_policies(configuration: Configuration) -> dict[str, EndpointPolicy]:
    """Those that get a message per event."""
    return {one.name: POLICY for one in _enabled(configuration) if one.digest is None}


def digest_policies(configuration: Configuration) -> dict[str, DigestPolicy]:
    return {
        one.name: DigestPolicy(DigestSchedule(one.digest, one.at, one.timezone), POLICY)
        for one in _enabled(configuration)
        if one.digest is not None
    }


def _enabled(configuration: Configuration) -> list[NotifySettings]:
    return [one for one in configuration.notify.values() if one.enabled]
