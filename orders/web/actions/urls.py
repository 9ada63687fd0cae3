"""Addresses. What may be done to many orders at once: the bulk routes and their sheets."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
