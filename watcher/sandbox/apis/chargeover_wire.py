"""ChargeOver's invoice documents: over a hundred flat fields, times in the account's own time zone."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from watcher.sandbox.apis.wire_json import day_of, shortest
from watcher.sandbox.bill import Bill, Line, Stage, derived, number_of
from watcher.sandbox.traps import ChargeOverTraps

_ADDRESS = ("addr1", "addr2", "addr3", "city", "state", "postcode", "country", "notes", "block")
_CYCLE_DATES = (
    "cycle_pre_from_date",
    "cycle_pre_to_date",
    "cycle_this_date",
    "cycle_post_from_date",
    "cycle_post_to_date",
)
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


@dataclass(frozen=True, slots=True)
class Sums:
    """The invoice's amounts in minor units. A void sets the total to zero."""

    total: int
    payments: int
    balance: int

    @classmethod
    def of(cls, bill: Bill) -> "Sums":
        if bill.stage is Stage.VOID:
            return cls(0, 0, 0)
        payments = bill.settled - bill.reversed
        balance = max(0, bill.total - payments - bill.credited - bill.written_off + bill.refunded)
        return cls(bill.total, payments, balance)


@dataclass(frozen=True, slots=True)
class Drawing:
    """One bill as of one local day."""

    bill: Bill
    traps: ChargeOverTraps
    zone: ZoneInfo
    today: date

    def row(self) -> dict[str, object]:
        """The overview in lists: no lines, no schedule, no tags."""
        return {**self._head(), **self._people(), **self._cycle(), **self._links(), **self._money(), **self._texts()}

    def invoice(self) -> dict[str, object]:
        lines = [self._line(line, index) for index, line in enumerate(self.bill.lines)]
        return {**self.row(), "line_items": lines, "schedule": [self._schedule()], "tags": ["sandbox"]}

    def listed(self) -> dict[str, object]:
        row = self.row()
        if not self.traps.text_ids_in_lists:
            return row
        return {key: str(value) if key.endswith("_id") and value is not None else value for key, value in row.items()}

    @property
    def _due(self) -> date | None:
        due = self.bill.due
        return due.astimezone(self.zone).date() if isinstance(due, datetime) else due

    @property
    def _days_overdue(self) -> int:
        due = self._due
        return max(0, (self.today - due).days) if due is not None and self._is_due else 0

    @property
    def _is_due(self) -> bool:
        return self.bill.stage in {Stage.DRAFT, Stage.ISSUED} and Sums.of(self.bill).balance > 0

    def _status(self) -> tuple[str, str, str]:
        if self.bill.stage is Stage.VOID:
            return ("Void", "closed-void", "c")
        if not self._is_due:
            return ("Paid", "closed-paid", "c")
        return ("Overdue", "open-overdue", "o") if self._days_overdue else ("Unpaid", "open-unpaid", "o")

    def _major(self, minor: int) -> Decimal:
        return shortest(minor, self.bill.currency, noise=self.traps.float_noise)

    def _time(self, instant: datetime | None) -> str | None:
        if instant is None:
            return None
        local = instant.astimezone(self.zone).replace(microsecond=0)
        return local.replace(tzinfo=None).isoformat(" ") if self.traps.naive_times else local.isoformat()

    def _number(self, what: str) -> int:
        return int(derived(self.bill.provider, self.bill.id, what, length=5), 16)

    def _head(self) -> dict[str, object]:
        bill = self.bill
        name, word, state = self._status()
        return {
            "invoice_id": int(bill.id),
            "refnumber": number_of(bill),
            "external_key": None,
            "invoice_index": None,
            "package_id": None,
            "write_datetime": self._time(bill.created_at),
            "mod_datetime": self._time(bill.touched_at),
            "void_datetime": self._time(bill.voided_at),
            "date": bill.created_at.astimezone(self.zone).date().isoformat(),
            "currency_id": 1,
            "currency_symbol": _SYMBOLS.get(bill.currency, bill.currency),
            "currency_iso4217": bill.currency,
            "class_id": None,
            "class_name": None,
            "token": derived(bill.provider, bill.id, "token", length=12),
            "invoice_status_name": name,
            "invoice_status_str": word,
            "invoice_status_state": state,
        }

    def _people(self) -> dict[str, object]:
        billing = ("1 Sandbox Street", None, None, "Chicago", "IL", "60601", "United States", None, "1 Sandbox Street")
        return {
            "customer_id": self._number("customer"),
            "brand_id": 1,
            "brand_name": "Sandbox",
            "admin_id": None,
            "admin_name": None,
            "terms_id": 3,
            "terms_name": "Net 30",
            "terms_days": 30,
            **{f"bill_{part}": value for part, value in zip(_ADDRESS, billing, strict=True)},
            **{f"ship_{part}": None for part in _ADDRESS},
        }

    def _cycle(self) -> dict[str, object]:
        return {"paycycle": "one", "paycycle_name": "One Time", **dict.fromkeys(_CYCLE_DATES)}

    def _links(self) -> dict[str, object]:
        token = derived(self.bill.provider, self.bill.id, "token", length=12)
        site = "https://sandbox.chargeover.example"
        return {
            "url_permalink": f"{site}/r/trans/view/{token}",
            "url_pdflink": f"{site}/r/trans/pdf/{token}",
            "url_paylink": f"{site}/r/paylink/{token}",
            "url_self": f"{site}/admin/r/invoice/view/{self.bill.id}",
        }

    def _money(self) -> dict[str, object]:
        bill, sums = self.bill, Sums.of(self.bill)
        paid_at = None if self._is_due else bill.paid_at
        return {
            "is_paid": self._status()[1] == "closed-paid",
            "is_void": bill.stage is Stage.VOID,
            "is_overdue": self._days_overdue > 0,
            "due_date": day_of(self._due),
            "days_overdue": self._days_overdue,
            "paid_date": None if paid_at is None else paid_at.astimezone(self.zone).date().isoformat(),
            "balance": self._major(sums.balance),
            "applied": self._major(sums.payments + bill.credited + bill.written_off),
            "total": self._major(sums.total),
            "subtotal": self._major(sums.total),
            "taxes": 0,
            "credits": self._major(bill.credited),
            "payments": self._major(sums.payments),
            "writeoffs": self._major(bill.written_off),
            "refunds": self._major(bill.refunded),
            "overdue": self._major(sums.balance if self._days_overdue else 0),
            "declines": bill.failures,
            "sum_base": 0,
            "sum_usage": 0,
            "sum_onetime": self._major(sums.total),
        }

    def _texts(self) -> dict[str, object]:
        return {"memo": None, **{f"custom_{index}": None for index in range(1, 21)}}

    def _line(self, line: Line, index: int) -> dict[str, object]:
        amount = self._major(line.amount)
        return {
            **_EMPTY_LINE,
            "line_item_id": self._number(f"line {index}"),
            "invoice_id": int(self.bill.id),
            "item_id": 1,
            "item_name": line.description,
            "item_token": derived(self.bill.id, "item", length=12),
            "item_type": "service",
            "descrip": line.description,
            "line_rate": amount,
            "line_quantity": 1,
            "line_subtotal": amount,
            "line_total": amount,
        }

    def _schedule(self) -> dict[str, object]:
        token = derived(self.bill.id, "schedule", length=12)
        link = f"https://sandbox.chargeover.example/r/paylink/{token}"
        return {
            "invoice_schedule_id": self._number("schedule"),
            "invoice_id": int(self.bill.id),
            "token": token,
            "paymethod": "inv",
            "creditcard_id": None,
            "ach_id": None,
            "tokenized_id": None,
            "due_date": day_of(self._due),
            "days_overdue": self._days_overdue,
            "amount": self._major(self.bill.total),
            "amount_or_percent_formatted": "100%",
            "balance": self._major(Sums.of(self.bill).balance),
            "date": day_of(self._due),
            "url_paylink": link,
            "url_ttl_paylink": f"{link}?ttl={self.today.toordinal()}",
        }


_LINE_TEXTS = (
    "item_accounting_sku item_external_key item_units paycycle package_line_external_key tax_id tax_group_id tax_name "
    "tax_group_name admin_id invoice_line_bundle_id tierset_id package_line_id package_obligation_id "
    "package_line_first_obligation_id usage_from usage_to"
)
_LINE_ZEROS = "line_prorate line_usage number_of_recurs_this number_of_recurs_line tax_taxable tax_taxed tax_total"
_LINE_FLAGS = "is_usage is_setup is_base is_free is_recurring is_taxed is_latefee is_obligation"
_EMPTY_LINE: dict[str, object] = {
    **dict.fromkeys(_LINE_TEXTS.split()),
    **dict.fromkeys(_LINE_ZEROS.split(), 0),
    **dict.fromkeys(_LINE_FLAGS.split(), False),
    **{f"custom_{index}": None for index in range(1, 11)},
}
