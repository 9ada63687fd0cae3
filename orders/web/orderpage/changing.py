"""The doors through which one order is changed: its form, the update itself, a note.

What may change where, and what two people at once come to, stands in orders/domain/life/editing.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from orders.domain.life.editing import LineChange, NotEditable, add_note, edit_order, why_lines_locked
from orders.domain.reading.texts import fold, read_amount, read_whole
from orders.domain.refusals import InvalidInput, Refusal, StaleVersion
from orders.models import City, Order, Status, Tab
from orders.web.access import actor_of, requires, wants_json
from orders.web.bodies import Body, read_body
from orders.web.orderpage.edit_page import TEXTS, TYPED, EditPage
from orders.web.orderpage.finding import find_order
from orders.web.orderpage.lines import TypedLine, name_products, read_typed_lines
from orders.web.orderpage.showing import OrderFacts

Errors = dict[str, list[str]]
STATUS_WORDS = frozenset({*Status.values, *Tab.values})
# The domain's names, and those on the wire (WedoCOD dashboard, Update Order) where they differ.
_ON_THE_WIRE: Mapping[str, str] = {"area": "area_text"}
_REQUIRED = ("full_name", "phone", "address")


@dataclass
class _Typed:
    """An edit as it was sent, and what cannot be read of it."""

    changes: dict[str, Any] = field(default_factory=dict)
    lines: list[TypedLine] | None = None
    version: int | None = None
    errors: Errors = field(default_factory=dict)


@requires("change_order")
def show_edit_form(request: HttpRequest, order: str) -> HttpResponse:
    """The form with the order as it is."""
    return EditPage.fresh(find_order(order, actor=actor_of(request))).draw(request)


@requires("change_order", methods=("PATCH", "POST"))
def update_order(request: HttpRequest, status: str, item: str) -> HttpResponse:
    """The order changed (WedoCOD dashboard, Update Order); `status` has to hold still.

    JSON answers the order as it is then. Pages send the version they were made from; a stale one
    is 409 with the newer values beside what was typed.
    """
    standing_in = status.upper()
    if standing_in not in STATUS_WORDS:
        raise Http404
    actor = actor_of(request)
    order = find_order(item, actor=actor)
    body = read_body(request)
    typed = _read(body, order, is_from_page=not wants_json(request))
    try:
        if typed.errors:
            raise InvalidInput(typed.errors)
        edit_order(
            order.pk,
            actor=actor,
            changes=typed.changes,
            lines=_line_changes(typed.lines),
            version=typed.version,
            standing_in=standing_in,
        )
    except Refusal as refusal:
        if wants_json(request) or not isinstance(refusal, (InvalidInput, StaleVersion, NotEditable)):
            raise
        return _draw_refused(request, order, body, typed, refusal, standing_in=standing_in)
    changed = find_order(str(order.pk), actor=actor)
    if wants_json(request):
        return JsonResponse({"data": OrderFacts(changed, actor=actor).as_json()})
    messages.success(request, _("%(reference)s is saved.") % {"reference": order.reference})
    return HttpResponseRedirect(reverse("order-show", args=[order.pk]))


def _draw_refused(
    request: HttpRequest, order: Order, body: Body, typed: _Typed, refusal: Refusal, *, standing_in: str
) -> HttpResponse:
    """The form again: to be mended, or with what others have made of the order meanwhile."""
    page = EditPage.fresh(find_order(str(order.pk), actor=actor_of(request)))
    sent = {name: body.get(name) for name in (*TYPED, "version", "opened") if name in body}
    if isinstance(refusal, InvalidInput):
        mended = page.with_typed(sent, typed.lines, standing_in=standing_in)
        return replace(mended, errors=refusal.errors).draw(request, status=422)
    return replace(page.merged_with(sent, typed.lines), refused=refusal.message).draw(request, status=409)


@requires(("change_order", "confirmOrder"), methods=("POST",))
def note_order(request: HttpRequest, order: str) -> HttpResponse:
    """A note added to the order's history."""
    actor = actor_of(request)
    found = find_order(order, actor=actor)
    add_note(found.pk, read_body(request).text("note"), actor=actor)
    if wants_json(request):
        return JsonResponse({"data": OrderFacts(found, actor=actor).as_json()})
    messages.success(request, _("The note stands in the history."))
    return HttpResponseRedirect(reverse("order-show", args=[found.pk]) + "#history")


# --- reading ------------------------------------------------------------------------


def _read(body: Body, order: Order, *, is_from_page: bool) -> _Typed:
    typed = _Typed()
    for name in TEXTS:
        try:
            if (sent := _sent_as(name, body)) in body or name in _REQUIRED:
                typed.changes[name] = body.text(sent, required=name in _REQUIRED)
        except InvalidInput as refusal:
            typed.errors |= refusal.errors
    _read_city(body, order, typed)
    _read_version(body, typed, is_required=is_from_page)
    try:
        typed.lines = read_typed_lines(body)
    except InvalidInput as refusal:
        typed.errors |= refusal.errors
        return typed
    if typed.lines is None:
        # Lines that are locked need not be sent along to put an address right.
        if not why_lines_locked(order):
            typed.errors["products"] = [_("This is required.")]
        return typed
    name_products(typed.lines, merchant_id=order.merchant_id)
    _check_lines(typed)
    if not body.is_json:
        _read_total(body, typed)
    return typed


def _sent_as(name: str, body: Body) -> str:
    """What the field is called in this request: our own pages use the domain's name throughout."""
    wire = _ON_THE_WIRE.get(name, name)
    return wire if wire in body else name


def _read_city(body: Body, order: Order, typed: _Typed) -> None:
    """The city by its id, unless another was typed over it."""
    try:
        place_id, text = body.number("city_to_id"), body.text("city")
    except InvalidInput as refusal:
        typed.errors |= refusal.errors
        return
    if place_id is None and not text:
        typed.errors["city_to_id"] = [_("This is required.")]
    elif place_id is None or (text and not _is_name_of(text, place_id, order)):
        typed.changes["city"] = text
    else:
        typed.changes["city_place_id"] = place_id


def _is_name_of(text: str, place_id: int, order: Order) -> bool:
    city = City.objects.filter(pk=place_id).first()
    if city is None:
        return True  # the id is what is wrong: the domain says so
    names = {fold(city.name), fold(str(city)), fold(city.name_ar)}
    if place_id == order.city_place_id:
        names.add(fold(order.city))
    return fold(text) in names


def _read_version(body: Body, typed: _Typed, *, is_required: bool) -> None:
    try:
        typed.version = body.number("version", required=is_required)
    except InvalidInput as refusal:
        typed.errors |= refusal.errors


def _check_lines(typed: _Typed) -> None:
    for place, line in enumerate(typed.lines or ()):
        path = f"products.{place}"
        if read_whole(line.product_id) is None and read_whole(line.line_id) is None:
            words = _("There is no product “%(product)s”. Type its SKU, or choose one from the list.")
            typed.errors[f"{path}.id"] = [words % {"product": line.product or line.product_id or ""}]
        if read_whole(line.quantity) is None:
            typed.errors[f"{path}.quantity"] = [_("Write a whole number from 1.")]
        if read_amount(line.total) is None and line.total not in (None, ""):
            typed.errors[f"{path}.total"] = [_("Write an amount with at most two decimals, such as 129.90.")]


def _read_total(body: Body, typed: _Typed) -> None:
    """The total only where a person wrote another: else it follows the lines."""
    text = body.text("total")
    if not text or read_amount(text) == read_amount(body.text("total_before")):
        return
    amount = read_amount(text)
    if amount is None:
        typed.errors["total"] = [_("Write an amount with at most two decimals, such as 129.90.")]
    else:
        typed.changes["total"] = amount


def _line_changes(lines: Sequence[TypedLine] | None) -> list[LineChange] | None:
    if lines is None:
        return None
    return [
        LineChange(
            quantity=read_whole(line.quantity) or 0,
            product_id=read_whole(line.product_id),
            line_id=read_whole(line.line_id),
            total=read_amount(line.total),
        )
        for line in lines
    ]
