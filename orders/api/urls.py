"""The addresses of programs' doors; whatever else begins with /api/ is answered in JSON as well."""

from django.urls import include, path, re_path

from orders.api.views import answer_unknown

urlpatterns = [
    path("v1/", include("orders.api.v1.urls")),
    path("web/1.0/", include("orders.api.web.urls")),
    re_path(r"^.*", answer_unknown, name="api-unknown"),
]
