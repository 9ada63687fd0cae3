"""Addresses. Background work that a person waits for: import, export, progress."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
