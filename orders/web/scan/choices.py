"""What a person chose once at a bench and keeps for the scans that follow: day, warehouse, reason.

Whether a choice is right is decided with each scan, not here.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from orders.models import User, Warehouse
from orders.web.bodies import read_day
from orders.web.scan.benches import Bench

_KEY = "scan"
MAX_REASON = 1000


@dataclass(frozen=True)
class Choices:
    """The choices as the bench shows them; `warehouse_id` None: each order's own."""

    today: dt.date
    day: dt.date
    warehouse_id: int | None
    reason: str
    warehouses: list[Warehouse]


def zone_of(user: User) -> ZoneInfo:
    """The zone whose days count: the merchant's, or that of staff."""
    return user.merchant.zone if user.merchant is not None else ZoneInfo(settings.TIME_ZONE)


def start_of_today(user: User) -> dt.datetime:
    """The first moment of the person's day."""
    return timezone.localtime(timezone=zone_of(user)).replace(hour=0, minute=0, second=0, microsecond=0)


def read_choices(request: HttpRequest, bench: Bench) -> Choices:
    """What was chosen before, else what is usual for the person."""
    user = cast("User", request.user)
    kept = request.session.get(_KEY, {})
    today = start_of_today(user).date()
    day = read_day(kept.get("day", "")) if kept.get("chosen_on") == today.isoformat() else None
    warehouses = list(Warehouse.objects.filter(is_active=True)) if bench.takes_warehouse else []
    return Choices(
        today=today,
        day=day or today,
        warehouse_id=_warehouse(user, kept, bench, {warehouse.pk for warehouse in warehouses}),
        reason=kept.get("reason", ""),
        warehouses=warehouses,
    )


def remember_choices(
    request: HttpRequest,
    bench: Bench,
    *,
    day: dt.date | None,
    warehouse_id: int | None,
    reason: str,
) -> None:
    """Keeps the choices in the session, writing it only when one has changed.

    A day other than today is kept for today: tomorrow it would be a mistake.
    """
    today = start_of_today(cast("User", request.user)).date()
    kept = dict(request.session.get(_KEY, {}))
    if day is not None:
        kept.pop("day", None)
        kept.pop("chosen_on", None)
        if day != today:
            kept |= {"day": day.isoformat(), "chosen_on": today.isoformat()}
    if bench.takes_warehouse:
        kept["warehouse"] = warehouse_id
    if bench.needs_reason and reason:
        kept["reason"] = reason[:MAX_REASON]
    if kept != request.session.get(_KEY, {}):
        request.session[_KEY] = kept


def _warehouse(user: User, kept: dict[str, Any], bench: Bench, there: set[int]) -> int | None:
    usual = user.warehouse_id
    if usual is None and user.merchant is not None:
        usual = user.merchant.default_warehouse_id
    if usual is None and len(there) == 1:
        (usual,) = there
    chosen = kept.get("warehouse", usual)
    if chosen is None and bench.needs_warehouse:
        chosen = usual
    return chosen if chosen in there else None
