"""The addresses of the WeGoCOD orders API."""

from django.urls import path

from orders.api.v1 import views

urlpatterns = [
    path("orders", views.Orders.as_view(), name="api-v1-orders"),
    path("orders/<str:reference>", views.OneOrder.as_view(), name="api-v1-order"),
]
