"""Conformance tests for providers: what polling expects of every adapter, as tests that a package inherits.

Load it with `pytest_plugins = ["watcher.provider_testing"]` in the package's `conftest.py`, so that failed assertions
are explained, and write a subclass of `ProviderConformance` with a `Case`. The built-in providers do the same.
"""

import pytest

pytest.register_assert_rewrite("watcher.provider_testing.suite")

from watcher.provider_testing.case import Case, Reply  # noqa: E402 -- after the line above
from watcher.provider_testing.server import ScriptedServer, scripted_server  # noqa: E402 -- same
from watcher.provider_testing.suite import ProviderConformance  # noqa: E402 -- same

__all__ = ["Case", "ProviderConformance", "Reply", "ScriptedServer", "scripted_server"]
