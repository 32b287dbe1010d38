"""Decides what becomes of a delivery after an attempt. Pure functions."""

from datetime import datetime, timedelta

from watcher.clock import Random
from watcher.delivery.endpoint_limiter import EndpointPolicy
from watcher.ports import ClaimedDelivery, DeliveryState, Outcome, Receipt, Settlement

MOST_JITTER = 0.2
"""Jitter only makes waits longer: shorter ones would end a schedule of three days early."""

LONGEST_PAUSE = timedelta(hours=10)
"""The longest pause that a receiver's Retry-After can cause for its endpoint."""

ATTEMPTS_HOLDING_LANE = 3
"""After this many attempts, a rejected delivery no longer holds back later ones of its invoice."""


def settle(
    claimed: ClaimedDelivery, receipt: Receipt, endpoint: EndpointPolicy, now: datetime, random: Random
) -> Settlement:
    attempts = claimed.attempts + 1
    match receipt.outcome:
        case Outcome.DELIVERED:
            return Settlement(
                claimed.key, claimed.lease, DeliveryState.DELIVERED, receipt, attempts, probe=claimed.probe
            )
        case Outcome.UNSENDABLE:
            return Settlement(claimed.key, claimed.lease, DeliveryState.DEAD, receipt, attempts)
        case Outcome.BLOCKED:
            # No request left this machine, so no attempt is used up.
            return Settlement(claimed.key, claimed.lease, DeliveryState.PARKED, receipt, claimed.attempts)
        case Outcome.RETRY | Outcome.REJECTED | Outcome.GONE:
            if claimed.probe or receipt.outcome is Outcome.GONE:
                return _uncounted(claimed, receipt, now)
            return _again(claimed, receipt, endpoint, now, random)


def _uncounted(claimed: ClaimedDelivery, receipt: Receipt, now: datetime) -> Settlement:
    """The delivery after a fault of its endpoint, where the store holds back all deliveries.

    It is due again, but after those that have been due for longer. So the next probe is another delivery, and one that
    the receiver can never accept does not keep the breaker open.
    """
    return Settlement(
        claimed.key,
        claimed.lease,
        DeliveryState.PENDING,
        receipt,
        claimed.attempts,
        next_attempt_at=now,
        pause_endpoint_until=_paused_until(receipt, now),
        probe=claimed.probe,
    )


def _paused_until(receipt: Receipt, now: datetime) -> datetime | None:
    hint = min(receipt.retry_after or timedelta(0), LONGEST_PAUSE)
    return now + hint if hint else None


def _again(
    claimed: ClaimedDelivery, receipt: Receipt, endpoint: EndpointPolicy, now: datetime, random: Random
) -> Settlement:
    attempts = claimed.attempts + 1
    paused_until = _paused_until(receipt, now)
    if attempts >= len(endpoint.retries):
        return Settlement(
            claimed.key, claimed.lease, DeliveryState.DEAD, receipt, attempts, pause_endpoint_until=paused_until
        )
    scheduled_at = now + endpoint.retries[attempts] * (1 + MOST_JITTER * random())
    return Settlement(
        claimed.key,
        claimed.lease,
        DeliveryState.PENDING,
        receipt,
        attempts,
        next_attempt_at=max(scheduled_at, paused_until or scheduled_at),
        holds_lane=receipt.outcome is Outcome.RETRY or attempts < ATTEMPTS_HOLDING_LANE,
        pause_endpoint_until=paused_until,
    )
