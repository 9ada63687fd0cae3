"""The order list: nine tabs, filters, pages, selection; as a page, as a part of it and as JSON.

Which orders a filter means, how they are counted and paged stands in the domain.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render

from orders.domain.actors import Actor
from orders.domain.lists.filtering import merchants_of
from orders.domain.refusals import InvalidInput
from orders.models import Merchant, Tab
from orders.web.access import actor_of, is_htmx, requires, wants_json
from orders.web.lists.asking import Question, read_question
from orders.web.lists.counts import count_found, count_found_by_tab
from orders.web.lists.pages import FoundPage, ListPage, RefusedPage
from orders.web.lists.rows import PAGE_COLUMNS
from orders.web.shapes import ITEM_COLUMNS, order_item

REGION = "order-list"


@requires("view_order")
def list_orders(request: HttpRequest, tab: Tab | None = None) -> HttpResponse:
    """Orders of a tab, or of all of them, that meet the filters (WedoCOD dashboard, List Orders)."""
    actor = actor_of(request)
    merchants = merchants_of(actor)
    if wants_json(request):
        question = read_question(request.GET, actor=actor, tab=tab, merchants=merchants, refuse_unknown=True)
        return _as_json(question, merchants)
    try:
        question = read_question(request.GET, actor=actor, tab=tab, merchants=merchants, refuse_unknown=False)
    except InvalidInput as refusal:
        return _draw(
            request, RefusedPage(request.GET, refusal, tab=tab, actor=actor, merchants=merchants), status=422
        )
    return _as_page(request, question, actor=actor)


def _as_json(question: Question, merchants: Mapping[int, Merchant]) -> HttpResponse:
    page = question.take(ITEM_COLUMNS)
    total = count_found(question.filter)
    return JsonResponse(
        {
            "data": [order_item(row, merchant=merchants[row["merchant_id"]].slug) for row in page.rows],
            "meta": {
                "per_page": question.per_page,
                "total": total.value,
                "total_is_exact": total.is_exact,
                "next": page.next.write() if page.next else None,
                "prev": page.previous.write() if page.previous else None,
            },
        }
    )


def _as_page(request: HttpRequest, question: Question, *, actor: Actor) -> HttpResponse:
    taken = question.take(PAGE_COLUMNS)
    if not taken.rows and question.cursor is not None and question.at is None:
        # What stood on that page has moved on: the list begins anew.
        return HttpResponseRedirect(question.address.url())
    tabs, total = count_found_by_tab(question.filter)
    return _draw(request, FoundPage(question, taken, tabs=tabs, total=total, actor=actor))


def _draw(request: HttpRequest, page: ListPage, *, status: int = 200) -> HttpResponse:
    """The whole page, or the part that changes when the page itself asks for it."""
    is_part = is_htmx(request) and request.headers.get("HX-Target") == REGION
    template = "lists/part.html" if is_part else "lists/page.html"
    answer = render(request, template, {"list": page, "region": REGION}, status=status)
    if is_part and status == 200:
        # The address without the fields that were left empty.
        answer["HX-Push-Url"] = page.own_url
    return answer
