"""Addresses. What an admin sets up: people, merchants, warehouses, places."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
