"""Addresses. Products and stock, shown and moved by people."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
