"""The log lines of an attempt: one for each, and one more where the delivery ends or is parked by it."""

from datetime import timedelta

import structlog

from watcher.ports import ClaimedDelivery, DeliveryState, Settlement

_MILLISECOND = timedelta(milliseconds=1)

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


def log_attempt(delivery: ClaimedDelivery, settlement: Settlement) -> None:
    receipt = settlement.receipt
    _log.info(
        "delivery.attempted",
        delivery=delivery.key,
        endpoint=delivery.endpoint,
        event_id=delivery.event_id,
        type=delivery.event_type,
        attempt=delivery.attempts + 1,
        probe=delivery.probe,
        outcome=receipt.outcome.value,
        status=receipt.status,
        error=receipt.error,
        milliseconds=round(receipt.duration / _MILLISECOND, 1),
    )
    if settlement.state in {DeliveryState.DEAD, DeliveryState.PARKED}:
        _log_end(delivery, settlement)


def _log_end(delivery: ClaimedDelivery, settlement: Settlement) -> None:
    receipt = settlement.receipt
    names = {"delivery": delivery.key, "endpoint": delivery.endpoint, "event_id": delivery.event_id}
    if settlement.state is DeliveryState.DEAD:
        _log.error("delivery.died", **names, attempts=settlement.attempts, status=receipt.status, error=receipt.error)
    else:
        _log.warning("delivery.parked", **names, error=receipt.error)
