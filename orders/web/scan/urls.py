"""Addresses of the scan benches and of the scanner actions under /orders/."""

from __future__ import annotations

from django.urls import path

from orders.web.scan import views
from orders.web.scan.benches import BENCHES

urlpatterns = [
    path("scan", views.choose_bench, name="scan-home"),
    path("scan/<str:mode>", views.show_bench, name="scan-bench"),
    path("scan/<str:mode>/undo", views.undo, name="scan-undo"),
    path("scan/<str:mode>/choices", views.keep_choices, name="scan-choices"),
    *(
        path(bench.path, views.scanner_action(mode), name=f"scan-{mode.value}")
        for mode, bench in BENCHES.items()
    ),
]
