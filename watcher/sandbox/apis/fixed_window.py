"""Limits of requests in windows of fixed length, such as 150 a minute."""

from datetime import datetime, timedelta


class FixedWindow:
    """Counts the requests of the current window. Windows begin at whole multiples of their length."""

    def __init__(self, length: timedelta) -> None:
        self._length = length.total_seconds()
        self._window = 0
        self._counted = 0

    def count(self, now: datetime) -> int:
        """Count one more; returns how many have come in this window, this one included."""
        window = int(now.timestamp() // self._length)
        self._counted = self._counted + 1 if window == self._window else 1
        self._window = window
        return self._counted

    def ends_in(self, now: datetime) -> int:
        """Whole seconds until the next window, rounded up."""
        return int(self._length - now.timestamp() % self._length) or 1
