"""Addresses. What waits today, as counts and pictures."""

from django.urls import path

from orders.web.today import views

urlpatterns = [path("", views.today, name="today")]
