import json
from datetime import UTC, datetime, timedelta

import pytest

from watcher.core.invoices.event import EventType
from watcher.core.notifications.digest import MOST_ROWS, digest
from watcher.core.notifications.event_facts import EventFacts, read_event
from watcher.core.notifications.message import message
from watcher.core.notifications.wording import period_words, sentence
from watcher.core.webhooks.examples import example

NOW = datetime(2026, 12, 4, 9, tzinfo=UTC)
PAGE = "https://watcher.example.com/"
T = EventType


def facts(
    event_type: EventType,
    invoice_id: str = "inv_1",
    *,
    sequence: int = 1,
    due: str = "1079.98",
    currency: str = "EUR",
    status: str = "open",
    delta: str | None = None,
    **invoice: object,
) -> EventFacts:
    amounts = {"currency": currency, "total": "1079.98", "due": due}
    data = {
        "event_id": f"evt_{invoice_id}_{sequence}", "sequence": sequence, "source": "acme", "reason": None,
        "offset": "7d", "delta": None if delta is None else [{"currency": currency, "amount": delta}], "changes": [],
        "invoice": {
            "source": "acme", "id": invoice_id, "number": f"INV-{invoice_id}", "status": status, "overdue": True,
            "direction": "receivable", "customer": {"id": "cus_7", "name": None}, "due_on": "2026-12-01",
            "due_at": "2026-12-02T00:00:00Z", "last_payment_error": None, "amounts": [amounts], **invoice,
        },
    }  # fmt: skip
    body = {"type": event_type.value, "timestamp": "2026-12-02T00:01:00Z", "data": data}
    return read_event(json.dumps(body).encode())


@pytest.mark.parametrize("event_type", EventType)
def test_every_event_has_a_sentence_without_a_gap(event_type: EventType) -> None:
    event = read_event(example(event_type, "evt_test_1", NOW))
    text = sentence(event)
    assert text.startswith("Example, nothing has happened: ")
    assert "None" not in text
    assert "{" not in text
    assert digest([event], NOW, PAGE).groups, "a digest has a place for it"


def test_a_message_says_what_happened_to_which_invoice_and_links_to_it() -> None:
    said = message(facts(T.OVERDUE, "inv/1"), NOW, PAGE)
    assert said.subject == "Invoice INV-inv/1 is overdue: 1079.98 EUR due"
    assert dict(said.rows) == {
        "Invoice": "INV-inv/1 (inv/1)",
        "Customer": "cus_7",
        "Amount due": "1079.98 EUR",
        "Total": "1079.98 EUR",
        "Due date": "2026-12-01, 3 days overdue",
        "Status": "open",
        "Source": "acme",
    }
    assert said.url == "https://watcher.example.com/invoices/acme/inv%2F1"
    assert message(facts(T.OVERDUE), NOW, None).url is None


def test_the_first_day_after_the_due_date_is_one_day_overdue() -> None:
    event = facts(T.OVERDUE)
    due_at = datetime(2026, 12, 2, tzinfo=UTC)
    assert event.invoice
    assert [event.invoice.days_overdue(due_at + timedelta(hours=hours)) for hours in (0, 23, 24)] == [1, 1, 2]
    paid = facts(T.PAID, overdue=False, status="paid")
    assert dict(message(paid, NOW, PAGE).rows)["Due date"] == "2026-12-01"


def test_a_name_is_shown_where_the_configuration_keeps_it_and_text_of_providers_stays_on_one_line() -> None:
    event = facts(T.OVERDUE, number="INV\r\nBcc: all@example.com", customer={"id": "cus_7", "name": "Ada\nLtd"})
    said = message(event, NOW, PAGE)
    assert said.subject.startswith("Invoice INV Bcc: all@example.com is overdue")
    assert dict(said.rows)["Customer"] == "Ada Ltd (cus_7)"


def test_money_is_never_rounded_and_minor_units_are_named() -> None:
    event = facts(T.PARTIALLY_PAID, due="12345678901234567890.12", delta="0.01")
    assert "12345678901234567890.12 EUR due" in sentence(event)
    odd = facts(T.OVERDUE, amounts=[{"currency": "XBT", "total": "100", "due": "100", "unit": "minor"}])
    assert sentence(odd).endswith("100 XBT (minor units) due")


def test_a_digest_groups_by_kind_and_adds_each_currency_by_itself() -> None:
    events = [
        facts(T.PAID, "inv_4", status="paid", due="0.00", delta="5.00"),
        facts(T.OVERDUE, "inv_1", due="0.10"),
        facts(T.OVERDUE, "inv_2", due="0.20"),
        facts(T.OVERDUE, "inv_3", due="1000", currency="JPY"),
        facts(T.OVERDUE, "inv_5", due="7.00", direction="payable"),
        facts(T.PAID, "inv_6", status="paid", due="0.00", delta="5.25"),
    ]
    said = digest(events, NOW, PAGE)
    assert said.subject == "Overdue: 4, Paid: 2"
    assert [group.heading for group in said.groups] == [
        "Overdue: 4, 0.30 EUR due, 1000 JPY due, 7.00 EUR due (payable)",
        "Paid: 2, 10.25 EUR paid",
    ]
    (first, *_) = said.groups[0].rows
    assert first.name == "INV-inv_1"
    assert (first.customer, first.facts) == ("cus_7", "0.10 EUR due, due date 2026-12-01, 3 days overdue")
    assert first.url == "https://watcher.example.com/invoices/acme/inv_1"


def test_a_digest_shows_each_invoice_once_as_it_was_last() -> None:
    events = [
        facts(T.PAYMENT_FAILED, sequence=1),
        facts(T.PAYMENT_FAILED, sequence=2),
        facts(T.PAID, sequence=3, status="paid", due="0.00", overdue=False, delta="1079.98"),
    ]
    failed, paid = digest(events, NOW, PAGE).groups
    assert failed.heading == "Failed payments: 1, 0.00 EUR due"
    assert [row.facts for row in failed.rows] == ["0.00 EUR due, due date 2026-12-01, now paid, 2 times"]
    assert paid.heading == "Paid: 1, 1079.98 EUR paid"
    assert (failed.is_urgent, paid.is_urgent) == (True, False)
    assert [row.facts for row in paid.rows] == ["1079.98 EUR paid"]


def test_a_long_digest_names_the_first_and_counts_all() -> None:
    events = [facts(T.OVERDUE, f"inv_{number}", due="0.01") for number in range(MOST_ROWS + 7)]
    (group,) = digest(events, NOW, PAGE).groups
    assert (len(group.rows), group.unnamed, group.sums) == (MOST_ROWS, 7, ("0.57 EUR due",))


@pytest.mark.parametrize(("period", "words"), [("7d", "7 days"), ("1h30m", "1 hour 30 minutes"), ("1d", "1 day")])
def test_periods_are_said_in_words(period: str, words: str) -> None:
    assert period_words(period) == words
