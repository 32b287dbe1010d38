"""Opens what a command needs: the configuration, and its store."""

import difflib
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from watcher.cli.options import Invocation
from watcher.clock import SystemClock
from watcher.config.adapters.built_in import BUILT_IN
from watcher.config.endpoint_settings import EndpointSettings
from watcher.config.environment import environment
from watcher.config.load import Loaded, find, load
from watcher.config.notify_settings import NotifySettings
from watcher.config.settings import Configuration
from watcher.core.errors import NotFound, Refused
from watcher.ports import SourceRow
from watcher.store import Reports, SqlAudit, SqlWatches, Store, open_store


@dataclass(frozen=True, slots=True)
class Opened:
    loaded: Loaded
    store: Store

    @property
    def reports(self) -> Reports:
        return Reports(self.store)

    @property
    def audit(self) -> SqlAudit:
        return SqlAudit(self.store)

    @property
    def watches(self) -> SqlWatches:
        return SqlWatches(self.store)


def load_configuration(invocation: Invocation) -> Loaded:
    """Raises ConfigError with every mistake of every file, or if no configuration is found."""
    surroundings = environment()
    return load(find(invocation.config, surroundings), BUILT_IN, surroundings)


@asynccontextmanager
async def opened(invocation: Invocation, *, read_only: bool = True) -> AsyncGenerator[Opened]:
    """The store as it is: a database that does not exist is an error, and is not created."""
    loaded = load_configuration(invocation)
    async with open_store(database_url(loaded), read_only=read_only) as store:
        yield Opened(loaded, store)


@asynccontextmanager
async def opened_for_changes(invocation: Invocation) -> AsyncGenerator[Opened]:
    """The store, created if it is missing, with the configured sources: no `run` has to come first."""
    loaded = load_configuration(invocation)
    rows = [
        SourceRow(source.name, source.provider, source.enabled, source.hints is not None)
        for source in loaded.configuration.sources.values()
    ]
    async with open_store(database_url(loaded), create=True) as store:
        await SqlWatches(store).sync_sources(rows, SystemClock().now())
        yield Opened(loaded, store)


def database_url(loaded: Loaded) -> str:
    return loaded.configuration.database.url.get_secret_value()


def known_source(loaded: Loaded, name: str) -> str:
    """The name itself; raises NotFound with the nearest configured name if no source has it."""
    sources = loaded.configuration.sources
    if name not in sources:
        raise unknown("source", name, sources, f"in {loaded.configuration.path}")
    return name


def known_endpoint(configuration: Configuration, name: str) -> EndpointSettings:
    """Its settings. Raises NotFound with the nearest configured name, and Refused if it gets no webhooks."""
    subscriber = known_subscriber(configuration, name)
    if isinstance(subscriber, NotifySettings):
        raise Refused(f"{name!r} is a notification: it gets messages, try it with `endpoints test {name}`")
    return subscriber


def known_subscriber(configuration: Configuration, name: str) -> EndpointSettings | NotifySettings:
    """The settings of an endpoint or a notification; raises NotFound with the nearest configured name."""
    subscribers = configuration.subscribers
    if name not in subscribers:
        raise unknown("endpoint", name, subscribers, f"in {configuration.path}")
    return subscribers[name]


def unknown(kind: str, name: str, known: Iterable[str], where: str) -> NotFound:
    """The error for a name that does not exist, with the nearest one that does."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        advice = f"did you mean {near[0]!r}?"
    elif names:
        shown = ", ".join(names[:10])
        advice = f"there is {shown}{', …' if len(names) > len(names[:10]) else ''}"
    else:
        advice = "there is none yet"
    return NotFound(f"no {kind} {name!r} {where}: {advice}")
