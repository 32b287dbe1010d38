"""Fragment's invoice as it comes over the wire, in each spelling that the API has had.

The keys were camelCase until 2026-03 and are snake_case since. Deployments of both kinds are in use, and a reader of
one finds empty fields in the other without any error.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, AliasChoices, AliasGenerator, ConfigDict, PlainValidator
from pydantic.alias_generators import to_camel

from watcher.core import money
from watcher.core.errors import InvalidAnswer
from watcher.providers.toolkit.field_types import (
    Amount,
    Currency,
    Instant,
    Listed,
    Number,
    Text,
    Unused,
    Wire,
    WordOrEmpty,
)


def _both_spellings(name: str) -> AliasChoices:
    return AliasChoices(name, to_camel(name))


def _id(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError("an id is expected")


def _whole(value: Decimal) -> Decimal:
    try:
        return money.from_minor(value, "")
    except InvalidAnswer as error:
        raise ValueError(str(error)) from error


Id = Annotated[str, PlainValidator(_id)]
"""Chosen by its owner: every character counts, including spaces at the ends."""

MinorUnits = Annotated[Amount, AfterValidator(_whole)]
"""A whole number of at most 30 digits."""


class _Wire(Wire):
    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=_both_spellings))


class Balance(_Wire):
    """Whole minor units, `remaining` being expected less actual. It can exceed 64 bits, so it is sent as text."""

    actual: MinorUnits
    expected: MinorUnits
    remaining: MinorUnits


class CurrencyBalances(_Wire):
    """One currency: what users pay in and are paid out, `net` being payins less payouts."""

    currency: Currency
    payins: Balance
    payouts: Balance
    net: Unused[Balance] = None


class UserBalances(_Wire):
    currency: Text = None
    payins: Unused[Balance] = None
    payouts: Unused[Balance] = None
    net: Unused[Balance] = None


class User(_Wire):
    id: Text = None
    external_id: Text = None
    balances: Unused[tuple[Unused[UserBalances], ...]] = None


class Tag(_Wire):
    key: Text = None
    value: Text = None


class Price(_Wire):
    amount: Number = None
    quantity: Number = None
    unit_price: Number = None


class LineItem(_Wire):
    id: Text = None
    amount: Number = None
    currency_code: Text = None
    description: Text = None
    price: Unused[Price] = None
    product_id: Text = None
    tags: Unused[tuple[Unused[Tag], ...]] = None
    type: Text = None
    user_id: Text = None


class Transaction(_Wire):
    id: Text = None
    external_id: Text = None
    tags: Unused[tuple[Unused[Tag], ...]] = None


class Payment(_Wire):
    amount: Number = None
    currency: Text = None
    posted: Text = None
    transaction: Unused[Transaction] = None
    type: Text = None
    user: Unused[User] = None


class FragmentInvoice(_Wire):
    """The invoice object. `balances` is None in the API's oldest generation, whose answers contain no money."""

    id: Id
    balances: tuple[dict[str, object], ...] | None = None
    """Each is read as `CurrencyBalances`."""
    created: Instant = None
    line_items: Unused[tuple[Unused[LineItem], ...]] = None
    modified: Text = None
    payments: Unused[tuple[Unused[Payment], ...]] = None
    status: WordOrEmpty = ""
    tags: Unused[tuple[Unused[Tag], ...]] = None
    users: Unused[tuple[Unused[User], ...]] = None
    version: Number = None
    workspace_id: Text = None


class OneAnswer(_Wire):
    data: dict[str, object]


class Batch(_Wire):
    """Without the invoices, each of which is read from its own text."""

    not_found: Listed[Unused[Id]] = ()


class BatchAnswer(_Wire):
    data: Batch


class PageInfo(_Wire):
    next_cursor: Text = None


class Search(_Wire):
    """Without the invoices, as in `Batch`."""

    page_info: Unused[PageInfo] = None


class SearchAnswer(_Wire):
    data: Search
