"""What a door hands in as an order, the rules it is held to, and what comes of checking it.

How drafts are checked stands in checking.py, how they become orders in intake.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from orders.domain.geography.places import Place
from orders.domain.refusals import InvalidInput

# What columns hold to the cent on every database (SQLite keeps 15 digits), whatever a door allows.
MAX_PRICE = Decimal("99999999.99")
MAX_TOTAL = Decimal("99999999999.99")
MAX_QUANTITY = 999_999
MAX_SHIPMENT_WAY = 32_767

Amount = Decimal | int | float | str | None
Whole = int | Decimal | float | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDraft:
    """So many units of a product, named by SKU or id. Without a price it costs what the product does."""

    sku: str | None = None
    product_id: int | None = None
    quantity: Whole = None
    price: Amount = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDraft:
    """An order as a door received it: nothing is cleaned or checked yet.

    Money is in the merchant's currency. `total` is what the customer pays, left out it
    is the sum of the lines; `prepaid` is what of it was paid ahead. `country` defaults
    to the merchant's, `warehouse_id` to the merchant's default, `call_center` to
    confirmed unless the merchant confirms by phone.
    """

    full_name: str | None = None
    phone: str | None = None
    second_phone: str | None = None
    email: str | None = None
    country: str | None = None
    city: str | None = None
    area: str | None = None
    address: str | None = None
    notes: str | None = None
    external_reference: str | None = None
    shipment_way: Whole = None
    is_fees_paid_by_customer: bool | None = None
    total: Amount = None
    prepaid: Amount = None
    payment_method: str | None = None
    payment_status: str | None = None
    call_center: str | None = None
    warehouse_id: int | None = None
    lines: tuple[LineDraft, ...] = ()


@dataclass(frozen=True)
class Rules:
    """What a door asks of an order beyond what every order needs. Amounts in the merchant's currency."""

    min_price: Decimal = Decimal(0)
    max_price: Decimal = MAX_PRICE
    min_total: Decimal = Decimal(0)
    max_total: Decimal = MAX_TOTAL
    max_quantity: int = MAX_QUANTITY
    max_lines: int = 100
    max_orders: int = 1_000
    required: frozenset[str] = frozenset({"full_name", "phone", "city", "address"})
    # Unknown cities otherwise join the queue of those that a person has to resolve.
    must_know_city: bool = False
    # A line without a known product is otherwise refused; kept, it moves no stock.
    keeps_unknown_products: bool = False


DASHBOARD = Rules()
IMPORT = Rules(max_orders=100_000)
# WedoCOD orders API, bulk create.
WEB = Rules(
    min_price=Decimal(1),
    max_price=Decimal(999_999),
    min_total=Decimal(1),
    max_total=Decimal(999_999),
    max_lines=10,
    required=DASHBOARD.required | {"total", "price", "is_fees_paid_by_customer"},
)
# WeGoCOD orders API, create.
V1 = Rules(must_know_city=True)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one draft: where, what, and what to do about it."""

    index: int
    field: str  # `city`, `products.0.sku`
    code: str
    message: str
    remedy: str
    value: str = ""

    @property
    def path(self) -> str:
        return f"orders.{self.index}.{self.field}"

    @property
    def words(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class ReadyLine(NamedTuple):
    product_id: int | None
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    total: Decimal


class OrderRow(NamedTuple):
    """What a checked draft says of its order, by column."""

    external_reference: str | None
    call_center: str
    payment_status: str
    payment_method: str
    total: Decimal
    prepaid: Decimal
    amount_due: Decimal
    full_name: str
    search_name: str
    phone: str
    phone_e164: str
    phone_reversed: str
    second_phone: str
    second_phone_reversed: str
    email: str
    country: str
    city: str
    city_place_id: int | None
    area: str
    address: str
    notes: str
    shipment_way: int | None
    is_fees_paid_by_customer: bool
    warehouse_id: int


@dataclass(frozen=True, slots=True)
class ReadyOrder:
    """A draft that passed: cleaned, its city and products found, its money added up.

    `place` None means that a person has to say which city is meant.
    """

    index: int
    place: Place | None
    row: OrderRow
    lines: tuple[ReadyLine, ...]


@dataclass(frozen=True)
class Checked:
    """What came of a check: the drafts that passed, and everything wrong with the others."""

    ready: tuple[ReadyOrder, ...]
    problems: tuple[Problem, ...]
    call_errors: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def is_fine(self) -> bool:
        return not self.problems and not self.call_errors

    def errors(self) -> dict[str, list[str]]:
        """The texts by path, `orders.17.products.0.sku`; of the call as a whole under `orders`."""
        by_path = dict(self.call_errors)
        for problem in self.problems:
            by_path.setdefault(problem.path, []).append(problem.words)
        return by_path


class OrdersRefused(InvalidInput):
    """Something is wrong with at least one draft; none was made. `problems` names everything."""

    def __init__(self, checked: Checked) -> None:
        super().__init__(checked.errors())
        self.problems = checked.problems
