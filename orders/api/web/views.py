"""What the WedoCOD REST API does: create, list, update and delete orders, and show one.

Its words are mapped in mapping.py; the rules stand in orders/domain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import F, Q
from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from orders.api.reading import find_order, lines_of, take_numbered_page
from orders.api.refusing import json_response
from orders.api.shapes import read_page, read_word
from orders.api.taking import take_orders
from orders.api.views import DialectView, read_object
from orders.api.web import mapping
from orders.domain.incoming import intake
from orders.domain.life.deleting import delete_orders
from orders.domain.life.updating import move_together
from orders.domain.lists.searching import MAX_SEARCH
from orders.domain.reading.phones import search_digits
from orders.domain.reading.texts import UnusableText, clean_line, fold
from orders.domain.refusals import Code, InvalidInput
from orders.models import Order, OrderEvent, OrderQuerySet

DEFAULT_PER_PAGE = 25
_NEWEST_FIRST = (F("created_at").desc(), F("pk").desc())


def _phone_holds(text: str) -> Q:
    digits = search_digits(text)
    return Q(phone_reversed__contains=digits) if digits else Q(pk__in=())


def _name_holds(text: str) -> Q:
    folded = fold(text)
    return Q(search_name__contains=folded) if folded else Q(pk__in=())


_SEARCHES: Mapping[str, Callable[[str], Q]] = {
    "reference": lambda text: Q(reference__icontains=text),
    "phone": _phone_holds,
    "full_name": _name_holds,
    "city": lambda text: Q(city__icontains=text),
}


class Orders(DialectView):
    """/api/web/1.0/orders"""

    dialect = mapping.WEB
    abilities = {"GET": "view", "POST": "create", "PUT": "update"}

    def get(self, request: Request) -> HttpResponse:
        params = request.query_params
        asked = read_page(params, default=DEFAULT_PER_PAGE)
        orders = Order.objects.visible_to(self.caller.merchant.pk)
        page = take_numbered_page(_searched(orders, params), _NEWEST_FIRST, asked)
        return json_response(
            {
                "data": [mapping.row_out(order) for order in page.orders],
                "meta": {
                    "current_page": asked.number,
                    "per_page": asked.per_page,
                    "total": page.total,
                    "last_page": page.last_page,
                },
            }
        )

    def post(self, request: Request) -> HttpResponse:
        body, raw = read_object(request)
        read = mapping.orders_in(body)

        def work() -> tuple[int, Any]:
            made = take_orders(read.drafts, misshapen=read.misshapen, caller=self.caller, rules=intake.WEB)
            return 200, {
                "message": mapping.CREATED,
                "data": [
                    {
                        "index": one.index,
                        "reference": one.reference,
                        "external_reference": one.external_reference,
                    }
                    for one in made
                ],
            }

        return self.once(request, raw, work)

    def put(self, request: Request) -> HttpResponse:
        body, _raw = read_object(request)
        merchant = self.caller.merchant
        asked, errors = mapping.updates_in(body, merchant)
        if errors:
            raise InvalidInput(errors)
        statuses = move_together(asked, merchant=merchant, actor=self.caller.actor)
        return json_response(
            {
                "message": mapping.UPDATED,
                "data": [
                    {
                        "index": index,
                        "reference": one.reference,
                        "status": mapping.status_word(statuses[one.reference]),
                    }
                    for index, one in enumerate(asked)
                ],
            }
        )


class ShownOrder(DialectView):
    """/api/web/1.0/orders/{reference}/show"""

    dialect = mapping.WEB
    abilities = {"GET": "view"}

    def get(self, request: Request, reference: str) -> HttpResponse:
        order = find_order(reference, self.caller.merchant)
        events = OrderEvent.objects.filter(order=order).order_by("-pk")
        return json_response({"data": mapping.order_out(order, lines_of([order])[order.pk], events)})


class OneOrder(DialectView):
    """/api/web/1.0/orders/{reference}"""

    dialect = mapping.WEB
    abilities = {"DELETE": "delete"}

    def delete(self, request: Request, reference: str) -> HttpResponse:
        order = find_order(reference, self.caller.merchant)
        result = delete_orders([order.pk], actor=self.caller.actor).results[0]
        if result.code in (Code.UNKNOWN, Code.ALREADY_DONE):
            raise Http404
        if result.code != Code.DONE:
            raise InvalidInput({"reference": [result.message]})
        return json_response({"message": mapping.DELETED})


def _searched(orders: OrderQuerySet, params: Mapping[str, str]) -> OrderQuerySet:
    """The orders that hold the key word where it is looked for: in one field, or in any of the four."""
    search_by = read_word(params, "search_by", _SEARCHES, "")
    given = params.get("keyWord", "")
    try:
        text = clean_line(given) if len(given) <= MAX_SEARCH else None
    except UnusableText:
        text = None
    if text is None:
        raise InvalidInput({"keyWord": [_("Send at most %(limit)s signs.") % {"limit": MAX_SEARCH}]})
    if not text:
        return orders
    fields = [search_by] if search_by else list(_SEARCHES)
    return orders.any_of([_SEARCHES[name](text) for name in fields])
