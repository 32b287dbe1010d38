"""Which endpoint wants which event."""

import pytest

from watcher.core.webhooks.subscription import Subscription, matches


@pytest.mark.parametrize(
    ("globs", "event_type", "wanted"),
    [
        (("*",), "source.failing", True),
        (("invoice.*", "!invoice.updated"), "invoice.paid", True),
        (("invoice.*", "!invoice.updated"), "invoice.updated", False),
        (("invoice.*",), "source.failing", False),
        (("!invoice.updated",), "invoice.paid", True),
        (("invoice.paid",), "invoice.partially_paid", False),
    ],
)
def test_globs_include_and_exclude(globs: tuple[str, ...], event_type: str, wanted: bool) -> None:  # noqa: FBT001 - a table
    assert matches(event_type, globs) is wanted


def test_sources_and_tags_filter_invoices() -> None:
    ledger = Subscription("ledger", sources=("acme*",), tags=("vip", "legal"))
    assert ledger.wants("invoice.paid", source="acme-eu", tags=("legal",))
    assert not ledger.wants("invoice.paid", source="other", tags=("legal",))
    assert not ledger.wants("invoice.paid", source="acme", tags=())


def test_tag_filters_do_not_apply_to_events_about_the_watcher() -> None:
    ledger = Subscription("ledger", tags=("vip",))
    assert ledger.wants("source.failing", source="acme", tags=())


def test_quiet_events_are_delivered_only_where_asked_for() -> None:
    assert not Subscription("ledger").wants("invoice.tracked", quiet=True, source="acme", tags=())
    assert Subscription("ledger", announce_tracked=True).wants("invoice.tracked", quiet=True, source="acme", tags=())
