"""Orders as the list finds them: made in one statement each, with what searching reads filled in."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from orders.domain.reading.phones import normalize_phone
from orders.domain.reading.texts import search_text
from orders.models import Order
from tests.world import World

NOON = dt.datetime(2026, 11, 10, 12, tzinfo=dt.UTC)


def make(world: World, **facts: Any) -> Order:
    """An order of the world's merchant without lines, findable by its name and phones."""
    name = facts.pop("name", "Karim Mansouri")
    phone = facts.pop("phone", "0661234567")
    second = facts.pop("second_phone", "")
    total = Decimal(facts.pop("total", 100))
    country = world.merchant.country
    return world.order(
        lines=facts.pop("lines", ()),
        full_name=name,
        search_name=search_text(name, limit=100),
        phone=phone,
        phone_e164=normalize_phone(phone, country).e164,
        phone_reversed=normalize_phone(phone, country).reversed,
        second_phone=second,
        second_phone_reversed=normalize_phone(second, country).reversed,
        total=total,
        amount_due=total,
        **facts,
    )


def references(answer: Any) -> list[str]:
    """The references of a JSON answer, in its order."""
    assert answer.status_code == 200, answer.content
    return [row["reference"] for row in answer.json()["data"]]
