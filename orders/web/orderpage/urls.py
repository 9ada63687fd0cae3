"""Addresses. One order's page: show, edit, new, delete."""

from django.urls import URLPattern, URLResolver, path

from orders.web.orderpage import changing, creating, showing, suggesting

urlpatterns: list[URLPattern | URLResolver] = [
    path("orders/new", creating.new_order, name="order-new"),
    path("orders/<str:order>/show", showing.show_order, name="order-show"),
    path("orders/<str:order>/edit", changing.show_edit_form, name="order-edit"),
    path("orders/<str:order>/note", changing.note_order, name="order-note"),
    path("orders/<str:status>/<str:item>/update", changing.update_order, name="order-update"),
    path("places/suggest", suggesting.suggest_cities, name="places-suggest"),
    path("products/suggest", suggesting.suggest_products, name="products-suggest"),
]
