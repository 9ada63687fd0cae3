"""The door for an order made by hand: its form, the warning before a duplicate, the order once.

What an order needs stands in orders/domain/incoming/checking.py, that a form makes one
order in submitting.py beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.incoming.intake import (
    Checked,
    LineDraft,
    OrderDraft,
    Suspect,
    Twin,
    check_orders,
    find_probable_duplicates,
)
from orders.domain.incoming.submitting import AlreadySubmitted, Made, submit_order, was_submitted
from orders.domain.reading.texts import read_amount, read_whole
from orders.domain.refusals import InvalidInput
from orders.models import Merchant
from orders.web.access import actor_of, requires, wants_json
from orders.web.bodies import Body, read_body, whole_number
from orders.web.forms import fresh_nonce
from orders.web.orderpage.finding import find_order
from orders.web.orderpage.forms import NewOrderForm
from orders.web.orderpage.lines import TypedLine, place_errors, read_typed_lines
from orders.web.orderpage.showing import OrderFacts
from orders.web.shapes import json_moment

SPARE_ROWS = 4  # offered where there is no script to add more
KEPT_MERCHANT = "new_order_merchant"
Errors = dict[str, list[str]]
_TEXTS = (
    "full_name",
    "phone",
    "second_phone",
    "email",
    "city",
    "area",
    "address",
    "notes",
    "external_reference",
)


@dataclass
class _Typed:
    """The form as it was sent."""

    merchant: Merchant
    body: Body
    lines: list[TypedLine]
    draft: OrderDraft
    nonce: str


@requires("add_order", methods=("GET", "POST"))
def new_order(request: HttpRequest) -> HttpResponse:
    """A new order by hand: 201 with the order to a program, its page to a person.

    A probable duplicate (same phone and product within 48 hours) is 409 with what it may repeat,
    until `confirm_duplicate` is sent. A form sent twice makes one order.
    """
    actor = actor_of(request)
    if request.method == "GET":
        merchant = _usual_merchant(request, actor)
        return _draw(request, actor, merchant, {"nonce": fresh_nonce()})
    typed = _read(request, actor)
    try:
        checked = check_orders([typed.draft], merchant=typed.merchant, actor=actor)
        if not checked.is_fine:
            raise InvalidInput(_without_index(checked.errors()))
        if twins := _twins_to_ask_about(checked, typed, actor):
            return _ask_about(request, actor, typed, twins)
        made = submit_order(typed.draft, merchant=typed.merchant, actor=actor, nonce=typed.nonce)
    except AlreadySubmitted as refusal:
        if wants_json(request):
            raise
        messages.warning(request, refusal.message)
        return HttpResponseRedirect(reverse("order-show", args=[refusal.order_id]))
    except InvalidInput as refusal:
        # A rival may have taken the reference between the check and the write: the same words then.
        errors = _without_index(refusal.errors)
        if wants_json(request):
            raise InvalidInput(errors) from None
        return _draw_again(request, actor, typed, errors=errors, status=422)
    request.session[KEPT_MERCHANT] = typed.merchant.pk
    return _answer(request, actor, made)


def _answer(request: HttpRequest, actor: Actor, made: Made) -> HttpResponse:
    order = find_order(str(made.order_id), actor=actor)
    if wants_json(request):
        body = {"data": OrderFacts(order, actor=actor).as_json()}
        return JsonResponse(body, status=201 if made.is_new else 200)
    if made.is_new:
        messages.success(request, _("%(reference)s is made.") % {"reference": order.reference})
    return HttpResponseRedirect(reverse("order-show", args=[order.pk]))


# --- reading ------------------------------------------------------------------------


def _read(request: HttpRequest, actor: Actor) -> _Typed:
    body = read_body(request)
    merchant = _merchant_named(body, request, actor)
    lines = read_typed_lines(body) or []
    draft = OrderDraft(
        **{name: body.get(name) for name in _TEXTS},
        country=merchant.country,
        total=body.get("total"),
        is_fees_paid_by_customer=body.flag("is_fees_paid_by_customer", default=True),
        warehouse_id=body.number("warehouse_id"),
        lines=tuple(
            LineDraft(
                product_id=line.product_id or None,
                sku=line.sku,
                quantity=line.quantity,
                price=_price_of(line, place) if wants_json(request) else line.price,
            )
            for place, line in enumerate(lines)
        ),
    )
    nonce = body.text("nonce") or request.headers.get("Idempotency-Key", "")
    if body.is_json and not nonce:
        nonce = fresh_nonce()  # a program that sends no key means each call
    return _Typed(merchant, body, lines, draft, nonce)


def _price_of(line: TypedLine, place: int) -> Any:
    """A unit's price: as sent, or from the line's total (the field of an update) where only that was sent."""
    if line.price not in (None, "") or line.total in (None, ""):
        return line.price
    total, units = read_amount(line.total), read_whole(line.quantity)
    if total is None or units is None or units < 1:
        return line.total  # refused by the domain, with what is wrong of the amount or the units
    price = read_amount(total / units)
    if price is None:
        words = _("This total does not divide by the units. Send the price of one unit.")
        raise InvalidInput({f"products.{place}.total": [words]})
    return price


def _merchants(actor: Actor) -> QuerySet[Merchant]:
    merchants = Merchant.objects.filter(is_active=True)
    return merchants if actor.merchant_id is None else merchants.filter(pk=actor.merchant_id)


def _merchant_named(body: Body, request: HttpRequest, actor: Actor) -> Merchant:
    """The merchant by id or short name; left out, the usual one. Another's is not there."""
    named = body.text("merchant")
    if not named:
        usual = _usual_merchant(request, actor)
        if usual is None:
            raise InvalidInput({"merchant": [_("Say whose order it is.")]})
        return usual
    number = whole_number(named)
    asked = Q(pk=number) if number is not None else Q(slug=named)
    merchant = _merchants(actor).filter(asked).first()
    if merchant is None:
        raise InvalidInput({"merchant": [_("There is no such merchant; choose one from the list.")]})
    return merchant


def _usual_merchant(request: HttpRequest, actor: Actor) -> Merchant | None:
    """The person's own merchant, the one they made the last order for, else the only one."""
    merchants = _merchants(actor)
    kept = request.session.get(KEPT_MERCHANT)
    if kept is not None and (found := merchants.filter(pk=kept).first()) is not None:
        return found
    only = list(merchants[:2])
    return only[0] if len(only) == 1 else None


# --- what may stand against it --------------------------------------------------------


def _without_index(errors: Mapping[str, Sequence[str]]) -> Errors:
    """The texts by field: a form holds one order, whose number says nothing."""
    return {path.removeprefix("orders.0."): list(texts) for path, texts in errors.items()}


def _twins_to_ask_about(checked: Checked, typed: _Typed, actor: Actor) -> list[Twin]:
    """Orders that this one may repeat, unless that was answered, or the form made its order already."""
    if typed.body.flag("confirm_duplicate") or was_submitted(typed.nonce, actor=actor):
        return []
    suspects = [Suspect.of(ready) for ready in checked.ready]
    return find_probable_duplicates(suspects, merchant=typed.merchant).get(0, [])


def _ask_about(request: HttpRequest, actor: Actor, typed: _Typed, twins: Sequence[Twin]) -> HttpResponse:
    message = _("The same phone ordered the same product within 48 hours. Is this the same order?")
    if not wants_json(request):
        return _draw_again(request, actor, typed, twins=twins, status=409)
    duplicates = [
        {
            "id": str(twin.id),
            "reference": twin.reference,
            "status": twin.status,
            "sku": twin.sku,
            "created_at": json_moment(twin.created_at),
        }
        for twin in twins
    ]
    return JsonResponse({"message": message, "code": "duplicate", "duplicates": duplicates}, status=409)


# --- drawing ------------------------------------------------------------------------


def _draw_again(
    request: HttpRequest,
    actor: Actor,
    typed: _Typed,
    *,
    status: int,
    errors: Errors | None = None,
    twins: Sequence[Twin] = (),
) -> HttpResponse:
    values = {name: typed.body.get(name) for name in typed.body.values}
    place_errors(typed.lines, errors or {})
    return _draw(
        request, actor, typed.merchant, values, lines=typed.lines, errors=errors, twins=twins, status=status
    )


def _draw(
    request: HttpRequest,
    actor: Actor,
    merchant: Merchant | None,
    values: Mapping[str, Any],
    *,
    lines: Sequence[TypedLine] = (),
    errors: Errors | None = None,
    twins: Sequence[Twin] = (),
    status: int = 200,
) -> HttpResponse:
    errors = errors or {}
    merchants = list(_merchants(actor))
    shown = {**values, "merchant": merchant.pk if merchant else ""}
    spare = SPARE_ROWS if lines else SPARE_ROWS + 1
    return render(
        request,
        "orderpage/new.html",
        {
            "form": NewOrderForm(shown, errors, merchants=_merchants(actor)),
            "values": shown,
            "merchant": merchant,
            "merchants": merchants,
            "currency": merchants[0].currency if len(merchants) == 1 else "",
            "suggest_url": reverse("places-suggest"),
            "products_url": reverse("products-suggest"),
            "lines": lines,
            "empty_line": TypedLine(),
            "first_spare": len(lines),
            "spare_lines": [TypedLine() for _row in range(spare)],
            "has_errors": bool(errors),
            "city_error": " ".join(errors.get("city", ())),
            "lines_error": " ".join(errors.get("products", ())),
            "total_error": " ".join(errors.get("total", ())),
            "call_error": " ".join((*errors.get("merchant", ()), *errors.get("orders", ()))),
            "twins": twins,
            "is_repeat": bool(values.get("confirm_duplicate")),
        },
        status=status,
    )
