"""Fragment's invoice documents in their three generations."""

from watcher.sandbox.apis.wire_json import zulu
from watcher.sandbox.bill import Bill, PaymentState, Stage, derived
from watcher.sandbox.traps import Generation

WORKSPACE = "ws_sandbox"


def invoice(bill: Bill, generation: Generation) -> dict[str, object]:
    match generation:
        case Generation.G1:
            return _first(bill)
        case Generation.G2:
            return _second(bill)
        case Generation.G3:
            return _third(bill)


def overview(bill: Bill, generation: Generation) -> dict[str, object]:
    """A row of the plain list: no balances, no users, no payments."""
    document = invoice(bill, generation)
    return {key: value for key, value in document.items() if key not in {"balances", "users", "payments"}}


def is_open(bill: Bill) -> bool:
    """Open as Fragment defines it: some clearing balance is not zero."""
    return expected(bill) != actual(bill)


def expected(bill: Bill) -> int:
    return 0 if bill.stage in {Stage.DRAFT, Stage.VOID} else bill.total


def actual(bill: Bill) -> int:
    return sum(payment.kept for payment in bill.payments)


def _first(bill: Bill) -> dict[str, object]:
    return {
        "id": bill.id,
        "created": zulu(bill.created_at),
        "modified": zulu(bill.edited_at),
        "status": _first_status(bill),
        "workspaceId": WORKSPACE,
        "lineItems": _camel_lines(bill),
    }


def _first_status(bill: Bill) -> str:
    words = {Stage.DRAFT: "draft", Stage.VOID: "void", Stage.WRITTEN_OFF: "failed"}
    return words.get(bill.stage) or ("closed" if actual(bill) >= bill.total else "active")


def _second(bill: Bill) -> dict[str, object]:
    balances = _balances(bill)
    return {
        "id": bill.id,
        "balances": balances,
        "created": zulu(bill.created_at),
        "status": "active",
        "users": [{"id": _user(bill), "balances": balances}],
        "version": bill.version,
        "workspaceId": WORKSPACE,
        "lineItems": _camel_lines(bill),
        "modified": zulu(bill.edited_at),
    }


def _third(bill: Bill) -> dict[str, object]:
    balances = _balances(bill)
    return {
        "id": bill.id,
        "balances": balances,
        "created": zulu(bill.created_at),
        "status": "active",
        "users": [{"id": _user(bill), "external_id": _user(bill), "balances": balances}],
        "version": bill.version,
        "workspace_id": WORKSPACE,
        "line_items": [
            {**line, "currency_code": bill.currency, "price": _price(line["amount"]), "tags": []}
            for line in _lines(bill)
        ],
        "modified": zulu(bill.edited_at),
        "tags": [{"key": "origin", "value": "sandbox"}],
        "payments": _payments(bill),
    }


def _price(amount: object) -> dict[str, object]:
    return {"amount": amount, "quantity": 1, "unit_price": amount}


def _balances(bill: Bill) -> list[dict[str, object]]:
    moved, idle = _sums(expected(bill), actual(bill)), _sums(0, 0)
    sign = -1 if bill.payable else 1
    return [
        {
            "currency": bill.currency,
            "net": _sums(sign * expected(bill), sign * actual(bill)),
            "payins": idle if bill.payable else moved,
            "payouts": moved if bill.payable else idle,
        }
    ]


def _sums(expected_minor: int, actual_minor: int) -> dict[str, str]:
    return {
        "actual": str(actual_minor),
        "expected": str(expected_minor),
        "remaining": str(expected_minor - actual_minor),
    }


def _camel_lines(bill: Bill) -> list[dict[str, object]]:
    return [{**line, "currencyCode": bill.currency} for line in _lines(bill)]


def _lines(bill: Bill) -> list[dict[str, object]]:
    if not expected(bill):
        return []
    return [
        {
            "id": f"item_{derived(bill.id, 'line', index, length=10)}",
            "amount": str(line.amount),
            "description": line.description,
            "product_id": "prod_sandbox",
            "type": _direction(bill),
            "user_id": _user(bill),
        }
        for index, line in enumerate(bill.lines)
    ]


def _payments(bill: Bill) -> list[dict[str, object]]:
    return [
        {
            "amount": str(payment.kept),
            "currency": bill.currency,
            "posted": zulu(payment.at),
            "type": _direction(bill),
            "transaction": {"id": f"tx_{payment.id[:12]}", "external_id": payment.id, "tags": []},
            "user": {"id": _user(bill), "external_id": _user(bill)},
        }
        for payment in bill.payments
        if payment.state is PaymentState.SETTLED and payment.kept
    ]


def _direction(bill: Bill) -> str:
    return "payout" if bill.payable else "payin"


def _user(bill: Bill) -> str:
    return f"user_{derived(bill.provider, bill.id, 'customer', length=10)}"
