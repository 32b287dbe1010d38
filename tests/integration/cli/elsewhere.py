"""Servers in a loop of their own, as the command under test runs its own."""

from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from anyio.from_thread import start_blocking_portal

_Served = TypeVar("_Served")


@contextmanager
def elsewhere(server: Callable[[], AbstractAsyncContextManager[_Served]]) -> Generator[_Served]:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(portal.call(server)) as served:
        yield served


def configure(folder: Path, url: str, *lines: str) -> None:
    """Let the endpoint `ledger` lead to this URL, with these lines more."""
    config = folder / "config" / "watcher.toml"
    text = config.read_text().replace("http://127.0.0.1:9/hooks", url)
    for line in lines:
        key = line.partition(" = ")[0]
        text = "\n".join(one for one in text.splitlines() if not one.startswith(f"{key} = "))
        text += f"\n{line}\n"
    config.write_text(text)
