"""The addresses of the WedoCOD REST API."""

from django.urls import path

from orders.api.web import views

urlpatterns = [
    path("orders", views.Orders.as_view(), name="api-web-orders"),
    path("orders/<str:reference>/show", views.ShownOrder.as_view(), name="api-web-order-show"),
    path("orders/<str:reference>", views.OneOrder.as_view(), name="api-web-order"),
]
