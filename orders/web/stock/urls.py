"""Addresses. Products and stock, shown and moved by people."""

from django.urls import path, re_path

from orders.web.stock import editing, importing, moving, views

urlpatterns = [
    path("stock", views.stock_list, name="stock-list"),
    path("stock/receive", moving.receive_delivery, name="stock-receive"),
    path("stock/owed", views.owed_list, name="stock-owed"),
    path("products", views.product_list, name="product-list"),
    path("products/import", importing.import_products, name="product-import"),
    path("products/new", editing.product_new, name="product-new"),
    path("products/<int:product_id>", views.product_show, name="product-show"),
    path("products/<int:product_id>/edit", editing.product_edit, name="product-edit"),
    re_path(
        r"^products/(?P<product_id>[0-9]{1,18})/(?P<kind>receive|adjust|count)$",
        moving.move_stock,
        name="product-move",
    ),
]
