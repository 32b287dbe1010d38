"""A pytest plugin: where CI=true nothing may be skipped, since a skipped test is one that nobody ran.

Elsewhere a machine may lack PostgreSQL, Node or Chromium: those tests are skipped, and `-ra` says aloud which and why.
"""

import os
from collections.abc import Generator
from typing import cast

import pytest


def pytest_report_header() -> str:
    return "skips: a skipped test fails, this is CI" if in_ci() else "skips: allowed, since CI is not true"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_skip(report)
    return report


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure in CI; an expected failure (`xfail`), which pytest reports alike, stays one."""
    if in_ci() and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {reason(report.longrepr)}"


def reason(longrepr: object) -> str:
    """What the skip said of itself: pytest keeps (file, line, reason)."""
    return str(cast("tuple[object, ...]", longrepr)[-1]) if isinstance(longrepr, tuple) else str(longrepr)


def in_ci() -> bool:
    return os.environ.get("CI") == "true"
