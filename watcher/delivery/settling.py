"""What becomes of a delivery after an attempt: pure."""

from datetime import datetime, timedelta

from watcher.clock import Dice
from watcher.delivery.gate import CourierEndpoint
from watcher.ports import ClaimedDelivery, DeliveryState, Outcome, Receipt, Settlement

MOST_JITTER = 0.2
"""Only ever later: earlier would end a schedule of three days before three days are over."""

LONGEST_PAUSE = timedelta(hours=10)
"""How long a receiver's Retry-After may hold its endpoint back."""

ATTEMPTS_HOLDING_LANE = 3
"""After so many, a delivery the receiver rejects no longer holds back later ones of its invoice."""


def settle(
    claimed: ClaimedDelivery, receipt: Receipt, endpoint: CourierEndpoint, now: datetime, dice: Dice
) -> Settlement:
    attempts = claimed.attempts + 1
    match receipt.outcome:
        case Outcome.DELIVERED:
            return Settlement(claimed.key, claimed.lease, DeliveryState.DELIVERED, receipt, attempts)
        case Outcome.UNSENDABLE:
            return Settlement(claimed.key, claimed.lease, DeliveryState.DEAD, receipt, attempts)
        case Outcome.BLOCKED:
            # Nothing left this machine, so none of its attempts is used up.
            return Settlement(claimed.key, claimed.lease, DeliveryState.PARKED, receipt, claimed.attempts)
        case Outcome.RETRY:
            return _again(claimed, receipt, endpoint, now, dice, holds_lane=True)
        case Outcome.REJECTED | Outcome.GONE:
            holds_lane = attempts < ATTEMPTS_HOLDING_LANE
            return _again(claimed, receipt, endpoint, now, dice, holds_lane=holds_lane)


def _again(
    claimed: ClaimedDelivery,
    receipt: Receipt,
    endpoint: CourierEndpoint,
    now: datetime,
    dice: Dice,
    *,
    holds_lane: bool,
) -> Settlement:
    attempts = claimed.attempts + 1
    hint = min(receipt.retry_after or timedelta(0), LONGEST_PAUSE)
    paused_until = now + hint if hint else None
    if attempts >= len(endpoint.retries):
        return Settlement(
            claimed.key, claimed.lease, DeliveryState.DEAD, receipt, attempts, pause_endpoint_until=paused_until
        )
    scheduled = endpoint.retries[attempts] * (1 + MOST_JITTER * dice())
    return Settlement(
        claimed.key,
        claimed.lease,
        DeliveryState.PENDING,
        receipt,
        attempts,
        next_attempt_at=now + max(scheduled, hint),
        holds_lane=holds_lane,
        pause_endpoint_until=paused_until,
    )
