"""Every address of the product, in one place."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("orders.web.urls")),
    path("admin/", admin.site.urls),
]
