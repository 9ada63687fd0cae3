"""Addresses. One order's page: show, edit, new, delete."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
