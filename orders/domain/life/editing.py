"""Changes what an order says: the person, the address, the lines, the total; and adds notes.

Where an order stands (status, stock, money collected) is changed by moving.py alone. How orders
come in with the same facts: intake.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import F, Field
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from orders.domain.actors import Actor
from orders.domain.geography.places import learn_alias, resolve_cities, settle_waiting_orders
from orders.domain.incoming.drafts import DASHBOARD, MAX_TOTAL
from orders.domain.life.history import Happening, record_events
from orders.domain.life.transitions import standing_status
from orders.domain.reading.phones import normalize_phone
from orders.domain.reading.texts import UnusableText, clean_line, clean_paragraphs, fold, search_text
from orders.domain.refusals import Code, InvalidInput, NotThere, Refusal, StaleVersion
from orders.domain.rows.locking import Conflict, write_transaction
from orders.models import City, EventType, Order, OrderLine, Product, Status, StockMovement, Warehouse

EDIT = "edit"
NOTE = "note"
MAX_NOTE = 1000
CENT = Decimal("0.01")

# Until the parcel has arrived or turned round, its address can still be put right.
_OPEN = frozenset(
    {
        Status.NEW,
        Status.PICKED_UP,
        Status.PREPARING,
        Status.PACKED,
        Status.WAITING,
        Status.SHIPPED,
        Status.OUT_OF_STOCK,
    }
)
# Later than this the units are held, or the company has been told what it fetches.
_LINES_OPEN = frozenset({Status.NEW, Status.PICKED_UP, Status.PREPARING, Status.OUT_OF_STOCK})


class NotEditable(Refusal):
    """The order, or this part of it, can no longer be changed where it stands."""

    code = Code.LOCKED


@dataclass(frozen=True)
class LineChange:
    """A line as it should be. Money is in the order's currency.

    `line_id` keeps a line of the order (also one whose product is unknown), `product_id` names
    the product of a line kept or new. Without `total` it is the unit price times the quantity.
    """

    quantity: int
    product_id: int | None = None
    line_id: int | None = None
    total: Decimal | None = None


@dataclass(frozen=True)
class Edited:
    """What became of an edit: the version now, and the fields that are different."""

    order_id: int
    version: int
    changed: tuple[str, ...]


@dataclass
class _Edit:
    """An edit under way: the row as read, what it shall hold, and what is wrong with that."""

    order: Order
    lines: list[OrderLine]
    after: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)

    def refuse(self, path: str, text: str) -> None:
        self.errors.setdefault(path, []).append(text)


def _column(name: str) -> Field[Any, Any]:
    return cast("Field[Any, Any]", Order._meta.get_field(name))


_TEXTS: Mapping[str, tuple[Callable[[str], str], bool]] = {
    # field: how it is cleaned, whether it must not be empty
    "full_name": (clean_line, True),
    "phone": (clean_line, True),
    "second_phone": (clean_line, False),
    "email": (clean_line, False),
    "area": (clean_line, False),
    "address": (clean_line, True),
    "notes": (clean_paragraphs, False),
}
FIELD_NAMES: Mapping[str, Any] = {
    name: _column(name).verbose_name for name in (*_TEXTS, "city", "total", "is_fees_paid_by_customer")
} | {
    "city_place_id": gettext_lazy("known city"),
    "warehouse_id": gettext_lazy("warehouse"),
    "shipment_way": gettext_lazy("shipment way"),
    "lines": gettext_lazy("products"),
}


def edit_order(
    order_id: int,
    *,
    actor: Actor,
    changes: Mapping[str, Any],
    lines: Sequence[LineChange] | None = None,
    version: int | None = None,
    standing_in: str = "",
    must_know_city: bool = False,
) -> Edited:
    """The order with the changes made, in one transaction with its `edit` event.

    `changes` may hold full_name, phone, second_phone, email, city (as typed) or city_place_id,
    area, address, notes, total (in the order's currency), shipment_way,
    is_fees_paid_by_customer and warehouse_id; `lines`, when given, are all lines of the
    present cycle. With changed lines and no `total`, the total moves by the difference, so that
    what it differs from the lines by is kept. Nothing different: nothing is written.

    Refuses another merchant's or a deleted order with `unknown`; another version than
    `version`, or another status or tab than `standing_in`, with `stale` and the newer values;
    an order that has arrived, turned round or is canceled with `wrong_status`; lines that a
    reservation or shipment holds with `locked`; values with `invalid`, among them a city that is not
    known when `must_know_city`.
    """
    moment = timezone.now()
    learned: list[tuple[str, City, Order]] = []

    def work() -> Edited:
        learned.clear()
        order = _read_order(order_id, actor=actor)
        present = list(order.lines.filter(cycle=order.cycle).select_related("product").order_by("position"))
        _refuse_stale(order, present, version=version, standing_in=standing_in)
        edit = _Edit(order, present)
        _refuse_settled(edit)
        _plan_texts(edit, changes)
        _plan_city(edit, changes, must_know=must_know_city)
        _plan_facts(edit, changes)
        wanted = _plan_lines(edit, lines) if lines is not None else None
        if edit.errors:
            raise InvalidInput(edit.errors)
        _plan_money(edit, changes, wanted)
        if edit.errors:
            raise InvalidInput(edit.errors)
        edited = _write(edit, wanted, actor=actor, at=moment)
        if order.city_place_id is None and edit.after.get("city_place_id") is not None:
            learned.append((order.city, City.objects.get(pk=edit.after["city_place_id"]), order))
        return edited

    edited = write_transaction(work)
    for spelling, city, order in learned:
        _learn(spelling, city, order, actor=actor)
    return edited


def add_note(order_id: int, text: str, *, actor: Actor) -> int:
    """The id of the new `note` event; notes can be added whatever the order's status is.

    Refuses another merchant's or a deleted order with `unknown`, an empty or too long text with
    `invalid`.
    """
    try:
        text = clean_paragraphs(text)
    except UnusableText:
        text = ""
    if not text or len(text) > MAX_NOTE:
        raise InvalidInput({"note": [_("Write a note of 1 to %(limit)s characters.") % {"limit": MAX_NOTE}]})
    moment = timezone.now()

    def work() -> int:
        order = _read_order(order_id, actor=actor)
        happening = Happening(
            order_id=order.pk,
            cycle=order.cycle,
            type=EventType.NOTE,
            action=NOTE,
            occurred_on=_day_of(order, moment),
            message=text,
        )
        return record_events([happening], actor=actor, at=moment)[order.pk]

    return write_transaction(work)


def why_not_editable(order: Order) -> str:
    """The words for an order that can no longer be edited; empty while it can."""
    if standing_status(order.status, order.remembered_status) in _OPEN:
        return ""
    if order.status == Status.CANCELED:
        return _("%(reference)s is canceled. Renew it to change it.") % {"reference": order.reference}
    return _("%(reference)s is %(status)s; its address no longer matters and can no longer be changed.") % {
        "reference": order.reference,
        "status": Status(order.status).label,
    }


def why_lines_locked(order: Order, *, moved: bool | None = None) -> str:
    """The words for lines that can no longer be edited in this cycle; empty while they can.

    `moved` says whether goods of this cycle have left a shelf already (looked up if not given).
    """
    names = {"reference": order.reference, "status": Status(order.status).label}
    standing = standing_status(order.status, order.remembered_status)
    if standing == Status.WAITING:
        return _("%(reference)s is announced to its company with these products; they are locked.") % names
    if standing not in _LINES_OPEN:
        return _("%(reference)s is %(status)s; its products are locked until it is renewed.") % names
    if order.reserved_warehouse_id is not None:
        return _("The units of %(reference)s are reserved; its products are locked.") % names
    if moved is None:
        moved = StockMovement.objects.filter(line__order=order, line__cycle=order.cycle).exists()
    if moved:
        return (
            _("Goods of %(reference)s have left the shelf before; renew it to change its products.") % names
        )
    return ""


# --- reading ------------------------------------------------------------------------


def _read_order(order_id: int, *, actor: Actor) -> Order:
    orders = Order.objects.select_related("merchant").filter(pk=order_id, deleted_at__isnull=True)
    if actor.merchant_id is not None:
        orders = orders.filter(merchant_id=actor.merchant_id)
    order = orders.select_for_update(of=("self",)).first()
    if order is None:
        raise NotThere(_("There is no such order."))
    return order


def _refuse_stale(order: Order, lines: Sequence[OrderLine], *, version: int | None, standing_in: str) -> None:
    if version is not None and version != order.version:
        words = _("%(reference)s was changed by somebody else since you opened it. Nothing was saved.")
    elif standing_in and standing_in not in (order.status, order.tab):
        words = _("%(reference)s is %(status)s meanwhile. Nothing was saved.")
    else:
        return
    said = {"reference": order.reference, "status": Status(order.status).label}
    raise StaleVersion(words % said, current=values_of(order, lines))


def values_of(order: Order, lines: Sequence[OrderLine]) -> dict[str, Any]:
    """What the order says now, field by field: shown beside what was typed over older values."""
    return {
        **{name: getattr(order, name) for name in _TEXTS},
        "city": order.city,
        "city_place_id": order.city_place_id,
        "total": order.total,
        "status": order.status,
        "version": order.version,
        "lines": [_kept_line(line) | {"total": line.total} for line in lines],
    }


def _refuse_settled(edit: _Edit) -> None:
    words = why_not_editable(edit.order)
    if words:
        raise NotEditable(words, code=Code.WRONG_STATUS)


# --- deciding -----------------------------------------------------------------------


def _plan_texts(edit: _Edit, changes: Mapping[str, Any]) -> None:
    for name, (clean, is_required) in _TEXTS.items():
        if name not in changes:
            continue
        text = _cleaned(edit, name, str(changes[name] or ""), clean, is_required=is_required)
        if text is not None:
            edit.after[name] = text
    _check_email(edit)
    country = edit.order.country
    if "full_name" in edit.after:
        edit.after["search_name"] = search_text(edit.after["full_name"], limit=100)
    if "phone" in edit.after:
        phone = normalize_phone(edit.after["phone"], country)
        edit.after |= {"phone_e164": phone.e164, "phone_reversed": phone.reversed}
    if "second_phone" in edit.after:
        second = normalize_phone(edit.after["second_phone"], country)
        edit.after["second_phone_reversed"] = second.reversed


def _check_email(edit: _Edit) -> None:
    if edit.after.get("email"):
        try:
            validate_email(edit.after["email"])
        except ValidationError:
            edit.refuse("email", _("This is not an e-mail address; write it as name@example.com."))


def _cleaned(
    edit: _Edit, name: str, typed: str, clean: Callable[[str], str], *, is_required: bool
) -> str | None:
    limit = _column(name).max_length
    try:
        text = clean(typed)
    except UnusableText:
        edit.refuse(name, _("This holds a character that cannot be stored. Type it again."))
        return None
    if is_required and not text:
        edit.refuse(name, _("This is required."))
        return None
    if limit is not None and len(text) > limit:
        edit.refuse(
            name,
            ngettext("Use at most %(count)d character.", "Use at most %(count)d characters.", limit)
            % {"count": limit},
        )
        return None
    return text


def _plan_city(edit: _Edit, changes: Mapping[str, Any], *, must_know: bool = False) -> None:
    """The city by its id, else by what was typed; what is not known waits for a person."""
    order = edit.order
    place_id = changes.get("city_place_id")
    if place_id is not None:
        city = City.objects.filter(pk=place_id, country=order.country, is_active=True).first()
        if city is None:
            edit.refuse("city_to_id", _("There is no such city; choose one from the list."))
        elif city.pk != order.city_place_id:
            edit.after |= {"city_place_id": city.pk, "city": city.name}
        return
    if "city" not in changes:
        return
    typed = _cleaned(edit, "city", str(changes["city"] or ""), clean_line, is_required=True)
    if typed is None or fold(typed) == fold(order.city):
        return
    place = resolve_cities([typed], merchant=order.merchant, country=order.country).get(typed)
    if place is None and must_know:
        edit.refuse("city", _("This city is not known; use a name from the list of places."))
        return
    edit.after |= {"city": typed, "city_place_id": place.id if place else None}


def _plan_facts(edit: _Edit, changes: Mapping[str, Any]) -> None:
    for name in ("shipment_way", "is_fees_paid_by_customer"):
        if name in changes:
            edit.after[name] = changes[name]
    warehouse_id = changes.get("warehouse_id", edit.order.warehouse_id)
    if warehouse_id == edit.order.warehouse_id:
        return
    if edit.order.packed_at is not None or edit.order.reserved_warehouse_id is not None:
        raise NotEditable(
            _("%(reference)s is packed; its units come from where they are reserved.")
            % {"reference": edit.order.reference}
        )
    if Warehouse.objects.filter(pk=warehouse_id, is_active=True).exists():
        edit.after["warehouse_id"] = warehouse_id
    else:
        edit.refuse("warehouseId", _("There is no such warehouse; choose one from the list."))


def _plan_lines(edit: _Edit, wanted: Sequence[LineChange]) -> list[OrderLine] | None:
    """The lines as they shall be, None when they are so already; errors are kept on the edit."""
    if not wanted:
        edit.refuse("products", _("An order needs at least one product."))
    if len(wanted) > DASHBOARD.max_lines:
        edit.refuse("products", _("Use at most %(limit)s lines.") % {"limit": DASHBOARD.max_lines})
    if edit.errors:
        return None
    by_id = {line.pk: line for line in edit.lines}
    products = _read_products(edit, wanted)
    taken: set[int] = set()
    lines: list[OrderLine] = []
    for place, change in enumerate(wanted):
        path = f"products.{place}"
        kept = _line_meant(change, edit.lines, by_id, taken)
        if kept is not None:
            taken.add(kept.pk)
        product = products.get(change.product_id or 0)
        if kept is None and product is None:
            edit.refuse(f"{path}.id", _("There is no such product; choose one from the list."))
            continue
        if not 1 <= change.quantity <= DASHBOARD.max_quantity:
            edit.refuse(
                f"{path}.quantity",
                _("Write a whole number from 1 to %(limit)s.") % {"limit": DASHBOARD.max_quantity},
            )
            continue
        if change.total is not None and not 0 <= change.total <= MAX_TOTAL:
            edit.refuse(f"{path}.total", _("Write an amount from 0 up."))
            continue
        lines.append(_line_as_wanted(edit.order, change, kept, product, position=place + 1))
    if edit.errors:
        return None
    if sorted(map(_compared, lines)) == sorted(map(_compared, edit.lines)):
        return None
    words = why_lines_locked(edit.order)
    if words:
        raise NotEditable(words)
    return lines


def _read_products(edit: _Edit, wanted: Sequence[LineChange]) -> dict[int, Product]:
    """The products named: active ones of the merchant, and those the order holds already."""
    named = {change.product_id for change in wanted if change.product_id is not None}
    held = {line.product_id for line in edit.lines}
    return {
        product.pk: product
        for product in Product.objects.filter(pk__in=named, merchant_id=edit.order.merchant_id)
        if product.is_active or product.pk in held
    }


def _line_meant(
    change: LineChange, lines: Sequence[OrderLine], by_id: Mapping[int, OrderLine], taken: set[int]
) -> OrderLine | None:
    """The order's own line that the change is about, each of them once; None for a new line."""
    named = by_id.get(change.line_id or 0)
    if named is not None and named.pk not in taken and change.product_id in (None, named.product_id):
        return named
    if change.product_id is None:
        return None
    return next(
        (line for line in lines if line.product_id == change.product_id and line.pk not in taken), None
    )


def _line_as_wanted(
    order: Order, change: LineChange, kept: OrderLine | None, product: Product | None, *, position: int
) -> OrderLine:
    """The line with sku, name and price as they were when it came in, or as the product's are now."""
    if kept is not None:
        unit_price, total = kept.unit_price, kept.total
        facts: dict[str, Any] = {"product_id": kept.product_id, "sku": kept.sku, "name": kept.name}
    else:
        assert product is not None  # noqa: S101 - a line that is neither was refused before
        unit_price, total = product.price, product.price * change.quantity
        facts = {"product_id": product.pk, "sku": product.sku, "name": product.name}
    is_untouched = (
        kept is not None and change.quantity == kept.quantity and change.total in (None, kept.total)
    )
    if not is_untouched:
        total = unit_price * change.quantity if change.total is None else change.total
        if total != unit_price * change.quantity:
            unit_price = (total / change.quantity).quantize(CENT)
    return OrderLine(
        order=order,
        cycle=order.cycle,
        position=position,
        quantity=change.quantity,
        unit_price=unit_price,
        total=total,
        **facts,
    )


def _compared(line: OrderLine) -> tuple[int, str, int, Decimal]:
    return (line.product_id or 0, line.sku, line.quantity, line.total)


def _plan_money(edit: _Edit, changes: Mapping[str, Any], lines: Sequence[OrderLine] | None) -> None:
    """The total as said, else moved by what the lines changed; what the courier collects follows it."""
    order = edit.order
    total = changes.get("total")
    if total is None and lines is not None:
        difference = sum((line.total for line in lines), Decimal(0)) - sum(
            (line.total for line in edit.lines), Decimal(0)
        )
        total = max(order.total + difference, Decimal(0))
    if total is None or total == order.total:
        return
    if not 0 <= total <= MAX_TOTAL:
        edit.refuse("total", _("Write an amount from 0 up."))
        return
    prepaid = total if order.is_prepaid else order.prepaid
    if prepaid > total:
        edit.refuse("total", _("More was paid ahead than this: %(prepaid)s.") % {"prepaid": prepaid})
        return
    edit.after |= {"total": total, "prepaid": prepaid, "amount_due": total - prepaid}


# --- writing ------------------------------------------------------------------------

# Columns that follow from others: history names the fact once.
_DERIVED = frozenset(
    {"search_name", "phone_e164", "phone_reversed", "second_phone_reversed", "prepaid", "amount_due"}
)


def _write(edit: _Edit, lines: Sequence[OrderLine] | None, *, actor: Actor, at: dt.datetime) -> Edited:
    order = edit.order
    after = {name: value for name, value in edit.after.items() if value != getattr(order, name)}
    told = [name for name in after if name not in _DERIVED]
    if not told and lines is None:
        return Edited(order.pk, order.version, ())
    # Two people with the same version cannot both meet this condition.
    written = Order.objects.filter(
        pk=order.pk, version=order.version, status=order.status, deleted_at__isnull=True
    ).update(**after, version=F("version") + 1, updated_at=at)
    if written != 1:
        raise Conflict
    before: dict[str, Any] = {name: _kept(getattr(order, name)) for name in told}
    now: dict[str, Any] = {name: _kept(after[name]) for name in told}
    if lines is not None:
        order.lines.filter(cycle=order.cycle).delete()
        OrderLine.objects.bulk_create(lines)
        told.append("lines")
        before["lines"] = [_kept_line(line) for line in edit.lines]
        now["lines"] = [_kept_line(line) for line in lines]
    record_events(
        [
            Happening(
                order_id=order.pk,
                cycle=order.cycle,
                type=EventType.EDIT,
                action=EDIT,
                occurred_on=_day_of(order, at),
                before=before,
                message=_("Changed: %(fields)s") % {"fields": ", ".join(str(FIELD_NAMES[n]) for n in told)},
                details={"after": now},
            )
        ],
        actor=actor,
        at=at,
    )
    return Edited(order.pk, order.version + 1, tuple(told))


def _kept(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def _kept_line(line: OrderLine) -> dict[str, Any]:
    return {
        "product_id": line.product_id,
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "total": str(line.total),
    }


def _learn(spelling: str, city: City, order: Order, *, actor: Actor) -> None:
    """What a person made of an unknown spelling counts for the merchant's other orders too."""
    if not actor.may("managePlaces") and not actor.may("change_order"):
        return
    if learn_alias(spelling, city, actor=actor, merchant=order.merchant) is not None:
        settle_waiting_orders(actor=actor, merchant_id=order.merchant_id)


def _day_of(order: Order, at: dt.datetime) -> dt.date:
    return at.astimezone(order.merchant.zone).date()
