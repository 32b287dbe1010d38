"""The form of a delivery is fixed when it is made, whatever the endpoint is configured to be later."""

import json

from tests.fakes import stored
from tests.fakes.stored import MINUTE, NOW, delivered, event
from watcher.core.webhooks.form import Form
from watcher.core.webhooks.subscription import Subscription
from watcher.ports import ClaimedDelivery
from watcher.store import Redelivery, SqlEndpoints, SqlOutbox, Store

CLOUD = Subscription("ledger", cloud_events=True)
PLAIN = Subscription("ledger")


async def listening(store: Store, *subscriptions: Subscription) -> SqlOutbox:
    outbox = SqlOutbox(store)
    urls = {one.endpoint: f"https://{one.endpoint}.example/" for one in subscriptions}
    await outbox.sync_endpoints(urls, NOW, subscriptions)
    return outbox


async def sent(outbox: SqlOutbox) -> tuple[ClaimedDelivery, ...]:
    claimed = await stored.send(outbox, NOW + MINUTE)
    await outbox.settle([delivered(one) for one in claimed])
    return claimed


async def test_a_redelivery_has_the_form_that_the_delivery_had(store: Store) -> None:
    outbox = await listening(store, CLOUD)
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid"))
    await Redelivery(store).redeliver_event("evt_1", [CLOUD], NOW)
    (first,) = await sent(outbox)
    assert first.form is Form.CLOUDEVENTS_FULL
    await listening(store, PLAIN)
    await Redelivery(store).redeliver_event("evt_1", [PLAIN], NOW)
    (again,) = await sent(outbox)
    assert (again.form, again.body) == (Form.CLOUDEVENTS_FULL, first.body)


async def test_a_thin_one_is_made_of_the_thin_body(store: Store) -> None:
    outbox = await listening(store, CLOUD)
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid"))
    await Redelivery(store).redeliver_event("evt_1", [Subscription("ledger", cloud_events=True, thin=True)], NOW)
    (claimed,) = await sent(outbox)
    assert claimed.form is Form.CLOUDEVENTS_THIN
    assert json.loads(claimed.body)["data"]["event_id"] == "evt_1"


async def test_events_about_endpoints_have_the_form_of_the_one_that_hears_of_them(store: Store) -> None:
    outbox = await listening(store, CLOUD, Subscription("crm"), Subscription("old"))
    await SqlEndpoints(store).disable("old", "operator", NOW)
    forms = {one.endpoint: one.form for one in await sent(outbox)}
    assert forms == {"ledger": Form.CLOUDEVENTS_FULL, "crm": Form.FULL}
