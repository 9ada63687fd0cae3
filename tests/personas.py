"""The people who appear in tests, by what they may do: one for each role, at work in a browser of their own.

`seller` is bound to the merchant given; the others are staff of every merchant.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.test import Client

from orders.models import User

ROLES = (
    "viewer",
    "packer",
    "shipper",
    "returns",
    "callcentre",
    "driver",
    "manager",
    "admin",
    "seller",
)
JSON = {"Accept": "application/json"}
HTMX = {"HX-Request": "true"}


def person(role: str, **facts: Any) -> User:
    """Somebody who holds the role and nothing else; an empty role holds nothing."""
    username = facts.pop("username", role or "nobody")
    user = User.objects.create_user(username=username, first_name=username.title(), **facts)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


def at_work(role: str, **facts: Any) -> Client:
    """A browser in which that person is logged in."""
    client = Client()
    client.force_login(person(role, **facts))
    return client
