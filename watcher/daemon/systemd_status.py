"""The line that `systemctl status` shows about this service."""

from collections.abc import Callable

from watcher.systemd import Notifier


class StatusLine:
    """What is wrong with the store, else the `usual`."""

    def __init__(self, notifier: Notifier, usual: Callable[[], str]) -> None:
        self._notifier = notifier
        self._usual = usual
        self._problem: str | None = None

    def reloading(self) -> None:
        self._notifier.reloading()

    def ready(self) -> None:
        self._notifier.ready(self._line())

    def troubled(self, problem: str | None) -> None:
        self._problem = problem
        self._notifier.status(self._line())

    def _line(self) -> str:
        return self._problem or self._usual()
