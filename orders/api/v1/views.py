"""What the WeGoCOD orders API does: list, show, create and update orders.

Its words are mapped in mapping.py; the rules stand in orders/domain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db.models import Case, F, IntegerField, Q, Value, When
from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from orders.api.reading import find_order, lines_of, take_numbered_page
from orders.api.refusing import json_response
from orders.api.shapes import read_page, read_word
from orders.api.taking import take_orders
from orders.api.v1 import mapping
from orders.api.views import DialectView, read_object
from orders.domain.incoming import intake
from orders.domain.life.moving import MAX_MESSAGE
from orders.domain.life.transitions import Action
from orders.domain.life.updating import StepRefused, change_order
from orders.domain.lists.filtering import read_filter
from orders.domain.reading.texts import UnusableText, clean_line
from orders.domain.refusals import InvalidInput
from orders.models import Order, OrderEvent, OrderQuerySet

DEFAULT_PER_PAGE = 25
DEFAULT_REASON = "through api"
_COUNTRY = re.compile("[A-Za-z]{2}")


def _rank_of_status() -> Case:
    """Where a status stands in the flow; a rolled-back order counts as what it went back to."""
    ranks = [
        When(
            Q(status__in=statuses) | Q(remembered_status__in=statuses),
            then=Value(mapping.WORDS.index(word)),
        )
        for word, statuses in mapping.STATUSES_OF.items()
    ]
    return Case(*ranks, default=Value(0), output_field=IntegerField())


_SORTS: Mapping[str, Any] = {
    "created_at": F("created_at"),
    "amount": F("total"),
    "shipping_status": _rank_of_status(),
}


class Orders(DialectView):
    """/api/v1/orders"""

    dialect = mapping.V1
    abilities = {"GET": "view", "POST": "create"}

    def get(self, request: Request) -> HttpResponse:
        params = request.query_params
        asked = read_page(params, default=DEFAULT_PER_PAGE)
        sort_by = read_word(params, "sort_by", _SORTS, "created_at")
        descending = read_word(params, "sort_dir", {"asc": 1, "desc": 1}, "desc") == "desc"
        by, by_id = _SORTS[sort_by], F("pk")
        sort = [by.desc(), by_id.desc()] if descending else [by.asc(), by_id.asc()]
        page = take_numbered_page(self._asked_for(params), sort, asked)
        lines = lines_of(page.orders)
        merchant = self.caller.merchant
        return json_response(
            {
                "status": "success",
                "data": [mapping.order_out(order, lines[order.pk], merchant) for order in page.orders],
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
        merchant = self.caller.merchant
        read = mapping.order_in(body, merchant)

        def work() -> tuple[int, Any]:
            try:
                made = take_orders(
                    [read.draft], misshapen=read.misshapen, caller=self.caller, rules=intake.V1
                )
            except InvalidInput as refusal:
                raise InvalidInput(mapping.errors_out(refusal.errors, _left_out(refusal))) from refusal
            order = Order.objects.get(pk=made[0].id)
            return 201, {
                "status": "success",
                "message": mapping.CREATED,
                "data": mapping.order_out(order, lines_of([order])[order.pk], merchant),
            }

        return self.once(request, raw, work)

    def _asked_for(self, params: Mapping[str, str]) -> OrderQuerySet:
        status = read_word(params, "status", mapping.STATUSES_OF, "")
        country = params.get("country", "").strip()
        if country and not _COUNTRY.fullmatch(country):
            raise InvalidInput({"country": [_("Send a country code of two letters, such as MA.")]})
        merchant = self.caller.merchant
        asked = {name: params[name] for name in ("from", "to", "city") if params.get(name)}
        orders = read_filter(asked, actor=self.caller.actor, merchants={merchant.pk: merchant}).orders
        if status:
            statuses = mapping.STATUSES_OF[status]
            orders = orders.filter(Q(status__in=statuses) | Q(remembered_status__in=statuses))
        return orders.filter(country=country.upper()) if country else orders


class OneOrder(DialectView):
    """/api/v1/orders/{order_reference}"""

    dialect = mapping.V1
    abilities = {"GET": "view", "PUT": "update"}

    def get(self, request: Request, reference: str) -> HttpResponse:
        order = find_order(reference, self.caller.merchant)
        shown = self._show(order)
        events = OrderEvent.objects.filter(order=order).order_by("-pk")
        shown["status_history"] = mapping.history_out(order, events, self.caller.merchant)
        return json_response({"status": "success", "data": {"order": shown}})

    def put(self, request: Request, reference: str) -> HttpResponse:
        body, _raw = read_object(request)
        order = find_order(reference, self.caller.merchant)
        changes = _read_changes(body)
        action = _read_action(body, order)
        try:
            if changes or action is not None:
                change_order(
                    order.pk,
                    actor=self.caller.actor,
                    changes=changes,
                    action=action,
                    standing_in=order.status,
                    message=_read_reason(body),
                    must_know_city=True,
                )
        except StepRefused as refusal:
            raise InvalidInput({"shipping_status": [refusal.message]}) from refusal
        except InvalidInput as refusal:
            raise InvalidInput(mapping.errors_out(refusal.errors)) from refusal
        order.refresh_from_db()
        return json_response({"status": "success", "message": mapping.UPDATED, "data": self._show(order)})

    def _show(self, order: Order) -> dict[str, Any]:
        return mapping.order_out(order, lines_of([order])[order.pk], self.caller.merchant)


def _left_out(refusal: InvalidInput) -> list[str]:
    """The paths of what a create has to have and had not."""
    problems = getattr(refusal, "problems", ())
    return [problem.path for problem in problems if problem.code == "required"]


def _read_changes(body: Mapping[str, Any]) -> dict[str, str]:
    """What the order is to say, by our names; what is not sent stays as it is."""
    changes: dict[str, str] = {}
    errors: dict[str, list[str]] = {}
    for theirs, ours in mapping.FIELDS.items():
        if theirs not in body:
            continue
        value = body[theirs]
        if isinstance(value, bool) or not isinstance(value, str | int | None):
            errors[theirs] = [_("Send a text.")]
        elif theirs != "delivery_notes" and not str(value or "").strip():
            errors[theirs] = [mapping.required(theirs)]
        else:
            changes[ours] = "" if value is None else str(value)
    if errors:
        raise InvalidInput(errors)
    return changes


def _read_action(body: Mapping[str, Any], order: Order) -> Action | None:
    """The step that leads to the status asked for, if the flow lets it follow; None without one."""
    asked = body.get("shipping_status")
    if asked is None:
        return None
    word = asked.strip().lower() if isinstance(asked, str) else ""
    present = mapping.word_of(order.status, order.remembered_status)
    following = mapping.FLOW[present]
    if word in following:
        return mapping.ACTIONS[word]
    if word not in mapping.FLOW:
        words = _("There is no such status. ")
    else:
        words = _("%(reference)s is %(status)s and cannot become %(asked)s. ") % {
            "reference": order.reference,
            "status": present,
            "asked": word,
        }
    allowed = (
        _("Allowed next: %(words)s.") % {"words": ", ".join(following)} if following else _("This is final.")
    )
    raise InvalidInput({"shipping_status": [words + allowed]})


def _read_reason(body: Mapping[str, Any]) -> str:
    given = body.get("reason")
    if given is None or given == "":
        return DEFAULT_REASON
    try:
        reason = clean_line(given[: MAX_MESSAGE * 4]) if isinstance(given, str) else ""
    except UnusableText:
        reason = ""
    if not isinstance(given, str) or len(given) > MAX_MESSAGE or (given.strip() and not reason):
        raise InvalidInput(
            {"reason": [_("Send a text of at most %(limit)s characters.") % {"limit": MAX_MESSAGE}]}
        )
    return reason or DEFAULT_REASON
