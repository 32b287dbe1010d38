"""Turns settings into the values that the use cases take."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from watcher.config.endpoint_settings import EndpointSettings, Format, Payload
from watcher.config.notify_settings import NotifySettings
from watcher.config.settings import Configuration, Policy, SourceSettings, Weight
from watcher.core.invoices.clock_events import ClockRules
from watcher.core.scheduling import cron
from watcher.core.scheduling.allocation import HazardGroup, Limits
from watcher.core.scheduling.intervals import PollRules, jittered
from watcher.core.webhooks.signature import decode_secret
from watcher.core.webhooks.subscription import Subscription
from watcher.daemon.notify_wiring import notify_policies, notify_subscriptions, notify_target
from watcher.delivery import EndpointPolicy
from watcher.polling import AdaptivePolicy, HintSource, SourcePlan
from watcher.polling.rate_limit import Spacing
from watcher.ports import Provider
from watcher.providers.toolkit.hints import hint_schemes
from watcher.providers.toolkit.kind import Account
from watcher.webhook import Target

_DISCOVERY_SHARE = 10

Regular = Callable[[HazardGroup, datetime, float], datetime]


class _Trigger(Protocol):
    """The part of APScheduler's triggers that is used here; they have no types."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None: ...


def account(source: SourceSettings) -> Account:
    return Account(
        name=source.name,
        base_url=source.base_url,
        timezone=source.timezone,
        timeout=source.timeout,
        credentials={key: secret.get_secret_value() for key, secret in source.credentials.items()},
        options={**source.options, **source.texts},
    )


def subscriptions(configuration: Configuration) -> tuple[Subscription, ...]:
    return tuple(
        Subscription(
            endpoint=endpoint.name,
            events=endpoint.events,
            sources=endpoint.sources,
            tags=endpoint.tags,
            thin=endpoint.payload is Payload.THIN,
            cloud_events=endpoint.format is Format.CLOUDEVENTS,
            announce_tracked=configuration.watcher.announce_tracked,
        )
        for endpoint in configuration.endpoints.values()
        if endpoint.enabled
    ) + notify_subscriptions(configuration)


def source_plan(configuration: Configuration, source: SourceSettings, provider: Provider) -> SourcePlan:
    watcher, polling = configuration.watcher, source.polling
    adaptive_policy = adaptive(source, lambda: provider.batch_size) if polling.policy is Policy.ADAPTIVE else None
    return SourcePlan(
        name=source.name,
        provider_name=source.provider,
        provider=provider,
        timezone=source.timezone,
        spacing=Spacing.of(source.rate),
        timeout=source.timeout,
        regular=adaptive_policy.next_poll if adaptive_policy else regular(source),
        poll_rules=PollRules(
            every=polling.every,
            slowest=polling.slowest,
            confirm_deleted=polling.confirm_deleted,
            keep_settled=watcher.keep_settled,
        ),
        clock=ClockRules(grace=watcher.grace, due_soon=watcher.due_soon, reminders=watcher.reminders),
        clock_wait=watcher.clock_wait,
        failing_after=watcher.failing_after,
        customer_names=watcher.customer_names,
        discover=source.discover,
        hint_echo=None if source.hints is None else source.hints.echo,
        host=urlsplit(source.base_url).hostname or "",
        subscriptions=subscriptions(configuration),
        adaptive_policy=adaptive_policy,
    )


def adaptive(source: SourceSettings, batch_size: Callable[[], int]) -> AdaptivePolicy:
    polling = source.polling
    return AdaptivePolicy(
        source=source.name,
        provider=source.provider,
        limits=Limits(polling.every, polling.fastest, polling.slowest),
        rate=source.rate,
        batch_size=batch_size,
        weighted=polling.weight is Weight.AMOUNT,
    )


def regular(source: SourceSettings) -> Regular:
    """The next poll of an open invoice under the policies that only use the clock."""
    polling = source.polling
    if polling.policy is Policy.CRON and polling.cron is not None:
        return _by_cron(polling.cron, source.timezone, polling.slowest)
    every = polling.every
    return lambda _, now, jitter: now + jittered(every, jitter)


def targets(configuration: Configuration) -> dict[str, Target]:
    return {endpoint.name: target(endpoint) for endpoint in configuration.endpoints.values() if endpoint.enabled}


def endpoint_policies(configuration: Configuration) -> dict[str, EndpointPolicy]:
    """Of all that get a delivery at a time; `notify_wiring.digest_policies` has the others."""
    webhooks = {
        endpoint.name: EndpointPolicy(
            retries=endpoint.retries,
            rate=endpoint.rate,
            concurrency=endpoint.concurrency,
            timeout=endpoint.timeout,
        )
        for endpoint in configuration.endpoints.values()
        if endpoint.enabled
    }
    return webhooks | notify_policies(configuration)


def shown_url(endpoint: EndpointSettings | NotifySettings) -> str:
    """The URL as lists show it; of notifications only the schemes, as the rest is secret."""
    return endpoint.url if isinstance(endpoint, EndpointSettings) else notify_target(endpoint, None).schemes


def target(endpoint: EndpointSettings) -> Target:
    return Target(
        name=endpoint.name,
        url=endpoint.url,
        secrets=tuple(decode_secret(secret.get_secret_value()) for secret in endpoint.secrets),
        timeout=endpoint.timeout,
        headers={name: value.get_secret_value() for name, value in endpoint.headers.items()},
        allow_private=endpoint.allow_private,
        allow_ports=endpoint.allow_ports,
        concurrency=endpoint.concurrency,
    )


def hint_sources(configuration: Configuration) -> dict[str, HintSource]:
    """The enabled sources that take hints. What only hints know gets a tenth of the rate."""
    return {
        source.name: HintSource(
            hint_schemes(
                source.kind,
                secrets=source.hints.all_secrets,
                tokens=source.hints.all_tokens,
                credentials=account(source).credentials,
            ),
            timedelta(seconds=_DISCOVERY_SHARE / source.rate) if source.discover else None,
        )
        for source in configuration.sources.values()
        if source.enabled and source.hints is not None
    }


def needs_restart(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """The keys whose change takes effect at a restart only."""
    changed = {
        "database.url": old.database.url != new.database.url,
        "http.listen": old.http.listen != new.http.listen,
        "hints.listen": old.hints.listen != new.hints.listen,
        "log": old.log != new.log,
    }
    return tuple(key for key, is_changed in changed.items() if is_changed)


def _by_cron(expression: str, timezone: ZoneInfo, fallback: timedelta) -> Regular:
    trigger = cast("_Trigger", CronTrigger(**cron.fields(expression), timezone=timezone))

    @lru_cache(maxsize=64)
    def next_after(minute: datetime) -> datetime:
        following = trigger.get_next_fire_time(None, minute + timedelta(minutes=1))
        return following.astimezone(UTC) if following is not None else minute + fallback

    return lambda _, now, _jitter: next_after(now.replace(second=0, microsecond=0))
