"""Two merchants and the people who look at their orders."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.personas import at_work
from tests.world import World


@pytest.fixture
def atlas() -> World:
    return World(slug="atlas")


@pytest.fixture
def casbah() -> World:
    return World(slug="casbah")


@pytest.fixture
def viewer() -> Client:
    """Staff: sees the orders of every merchant."""
    return at_work("viewer")


@pytest.fixture
def manager() -> Client:
    """Staff who may do everything with orders."""
    return at_work("manager")


@pytest.fixture
def seller(atlas: World) -> Client:
    """Bound to atlas: sees its orders alone."""
    return at_work("seller", merchant=atlas.merchant)
