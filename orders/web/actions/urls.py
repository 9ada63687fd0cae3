"""Addresses. What may be done to many orders at once: the bulk routes and their sheets."""

from django.urls import URLPattern, URLResolver, path

from orders.web.actions.bulk_actions import BULK_ACTIONS
from orders.web.actions.views import bulk_view, show_sheet

urlpatterns: list[URLPattern | URLResolver] = [
    *(
        path(f"orders/{action.path}", bulk_view(action), name=action.url_name)
        for action in BULK_ACTIONS.values()
    ),
    path("orders/actions/<slug:action>/sheet", show_sheet, name="orders-action-sheet"),
]
