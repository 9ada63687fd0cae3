"""Addresses of the order list. The nine tabs, in any case, and no other word, stand below `/orders/`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, register_converter

from orders.models import Tab
from orders.web.lists import views


class TabConverter:
    """A tab of the dashboard, so that `/orders/{status}` swallows no other route."""

    regex = "|".join(f"(?i:{tab.value})" for tab in sorted(Tab, key=len, reverse=True))

    def to_python(self, value: str) -> Tab:
        return Tab(value.upper())

    def to_url(self, value: Tab) -> str:
        return value.value


register_converter(TabConverter, "tab")

urlpatterns: list[URLPattern | URLResolver] = [
    path("orders", views.list_orders, name="order-list"),
    path("orders/<tab:tab>", views.list_orders, name="order-list-status"),
]
