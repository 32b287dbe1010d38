"""From an invocation to what a command works on: the configuration, and the store behind it."""

import difflib
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from watcher.cli.options import Invocation
from watcher.config.environment import environment
from watcher.config.load import Loaded, find, load
from watcher.core.errors import NotFound
from watcher.providers import PROVIDERS
from watcher.store import Reports, SqlWatches, open_store


@dataclass(frozen=True, slots=True)
class Opened:
    loaded: Loaded
    reports: Reports
    watches: SqlWatches


def load_configuration(invocation: Invocation) -> Loaded:
    """Raises ConfigError with every mistake of every file, and where no configuration is found."""
    surroundings = environment()
    return load(find(invocation.config, surroundings), PROVIDERS, surroundings)


@asynccontextmanager
async def opened(invocation: Invocation, *, read_only: bool = True) -> AsyncGenerator[Opened]:
    """The store as it is: a database that does not exist is an error, and is not made."""
    loaded = load_configuration(invocation)
    url = loaded.configuration.database.url.get_secret_value()
    async with open_store(url, read_only=read_only) as store:
        yield Opened(loaded, Reports(store), SqlWatches(store))


def known_source(loaded: Loaded, name: str) -> str:
    """The name itself; raises NotFound with the nearest configured name where it is none of them."""
    sources = loaded.configuration.sources
    if name not in sources:
        raise unknown("source", name, sources, f"in {loaded.configuration.path}")
    return name


def unknown(kind: str, name: str, known: Iterable[str], where: str) -> NotFound:
    """The error for a name that does not exist, with the nearest that does."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        hint = f"did you mean {near[0]!r}?"
    elif names:
        shown = ", ".join(names[:10])
        hint = f"there is {shown}{', …' if len(names) > len(names[:10]) else ''}"
    else:
        hint = "there is none yet"
    return NotFound(f"no {kind} {name!r} {where}: {hint}")
