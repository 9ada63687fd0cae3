"""Tells an order's history in words: what happened, who did it, through which door, when.

The events themselves are written by the domain (orders/domain/life/history.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.domain.incoming.intake import CREATE
from orders.domain.life.confirming import ACTION as CONFIRM
from orders.domain.life.deleting import TOMBSTONE
from orders.domain.life.editing import EDIT, FIELD_NAMES, NOTE
from orders.domain.life.returning import ACTION as RECEIVE_EARLIER
from orders.domain.life.transitions import TRANSITIONS, Action
from orders.models import CallCenter, City, EventType, OrderEvent, Status, Warehouse
from orders.templatetags.badges import CALL_CENTER, STATUS

Words = str | Promise
NOTHING = "–"


@dataclass(frozen=True)
class Change:
    """One fact that an edit changed."""

    name: Words
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """One event as people read it. `happened_on` only when that is another day than it was recorded."""

    id: int
    title: Words
    came_from: str
    icon: str
    tone: str
    who: str
    door: str
    recorded_at: dt.datetime
    happened_on: dt.date | None
    note: str
    changes: tuple[Change, ...]
    cycle: int
    is_reversed: bool


_TITLES: Mapping[str, Words] = {
    CREATE: gettext_lazy("Came in"),
    EDIT: gettext_lazy("Edited"),
    NOTE: gettext_lazy("Note"),
    TOMBSTONE: gettext_lazy("Deleted"),
    RECEIVE_EARLIER: gettext_lazy("Earlier parcel taken back in"),
    "resolve_city": gettext_lazy("City found"),
}
_ICONS: Mapping[str, str] = {
    EDIT: "pencil",
    NOTE: "message-square",
    TOMBSTONE: "trash-2",
    RECEIVE_EARLIER: "undo-2",
    "resolve_city": "map-pin",
}
_DOORS: Mapping[str, Words] = {
    "dashboard": gettext_lazy("Dashboard"),
    "scanner": gettext_lazy("Scanner"),
    "import": gettext_lazy("Import"),
    "demo": gettext_lazy("Demo data"),
    "system": gettext_lazy("System"),
}


def tell_history(events: Sequence[OrderEvent], *, zone: dt.tzinfo) -> list[Entry]:
    """The events as entries, in the order given. Two statements at most, for names of places.

    `zone` is the merchant's: a day is the merchant's day.
    """
    reversed_ids = {event.reverses_id for event in events if event.reverses_id is not None}
    names = _Names(events)
    return [_entry(event, names, is_reversed=event.pk in reversed_ids, zone=zone) for event in events]


def history_json(events: Iterable[OrderEvent]) -> Iterator[dict[str, Any]]:
    """The events as programs read them; of a call, `from` and `to` are what the call centre reached."""
    for event in events:
        of_call = event.type == EventType.CALL_CENTER
        before = event.before.get("call_center") if of_call else event.from_status
        after = event.details.get("call_center") if of_call else event.to_status
        yield {
            "type": event.type,
            "from": before or None,
            "to": after or None,
            "action": event.action,
            "message": event.message,
            "actor": event.actor_name,
            "source": event.source,
            "occurred_on": event.occurred_on.isoformat(),
            "recorded_at": event.recorded_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


class _Names:
    """Names of the rows that edits mention by id, looked up once for all events."""

    def __init__(self, events: Sequence[OrderEvent]) -> None:
        told = [facts for event in events for facts in (event.before, event.details.get("after", {}))]
        self.city_place_id = self._of(City, told, "city_place_id")
        self.warehouse_id = self._of(Warehouse, told, "warehouse_id")

    @staticmethod
    def _of(model: Any, told: Iterable[Mapping[str, Any]], name: str) -> dict[int, str]:
        ids = {facts[name] for facts in told if facts.get(name)}
        return {row.pk: str(row) for row in model.objects.filter(pk__in=ids)} if ids else {}


def _entry(event: OrderEvent, names: _Names, *, is_reversed: bool, zone: dt.tzinfo) -> Entry:
    look = _look_of(event)
    recorded_on = timezone.localtime(event.recorded_at, zone).date()
    return Entry(
        id=event.pk,
        title=_title_of(event),
        came_from=event.from_status if event.type == EventType.SHIPPING else "",
        icon=look[0],
        tone=look[1],
        who=event.actor_name,
        door=_door_of(event),
        recorded_at=event.recorded_at,
        happened_on=event.occurred_on if event.occurred_on != recorded_on else None,
        note="" if event.action in (EDIT, TOMBSTONE) else event.message,
        changes=tuple(_changes_of(event, names)),
        cycle=event.cycle,
        is_reversed=is_reversed,
    )


def _title_of(event: OrderEvent) -> Words:
    if event.action in _TITLES:
        return _TITLES[event.action]
    said: dict[str, Any] = {
        "to": Status(event.to_status).label if event.to_status else "",
        "remembered": Status(event.remembered_status).label if event.remembered_status else "",
        "cycle": event.cycle,
    }
    match event.action:
        case Action.UNDO.value:
            return _("Undone: %(to)s again") % said
        case Action.ROLLBACK.value:
            return _("Rolled back to %(remembered)s") % said
        case Action.RENEW.value:
            return _("Renewed: cycle %(cycle)s begins") % said
        case Action.UNPUSH.value:
            return _("Taken back from the company: %(to)s") % said
        case Action.MARK_OUT_OF_STOCK.value if event.details.get("attempted") in TRANSITIONS:
            attempted = TRANSITIONS[Action(event.details["attempted"])].label
            return _("Out of stock: units lacked at “%(action)s”") % {"action": attempted}
        case action if action == CONFIRM:
            return _("Call %(number)s: %(outcome)s") % {
                "number": event.details.get("attempt", 1),
                "outcome": CallCenter(event.details["call_center"]).label,
            }
        case _:
            return str(said["to"]) or event.action.replace("_", " ").capitalize()


def _look_of(event: OrderEvent) -> tuple[str, str]:
    if event.action in _ICONS:
        return _ICONS[event.action], ""
    if event.type == EventType.CALL_CENTER:
        look = CALL_CENTER[event.details["call_center"]]
        return look.icon, f"tone-{look.tone}"
    if event.to_status in STATUS:
        look = STATUS[event.to_status]
        icon = "undo-2" if event.action == Action.UNDO else look.icon
        return icon, f"tone-{look.tone}"
    return "circle", ""


def _door_of(event: OrderEvent) -> str:
    kind, _colon, which = event.source.partition(":")
    door = str(_DOORS.get(event.source) or f"{kind.upper() if kind == 'api' else kind.capitalize()} {which}")
    return f"{door.strip()}, {event.station}" if event.station else door.strip()


def _changes_of(event: OrderEvent, names: _Names) -> Iterator[Change]:
    after = event.details.get("after", {})
    for name, new in after.items():
        if name == "lines":
            yield from _line_changes(event.before.get("lines", []), new)
        elif name != "city_place_id" or "city" not in after:
            old = event.before.get(name)
            yield Change(FIELD_NAMES.get(name, name), _shown(name, old, names), _shown(name, new, names))


def _line_changes(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Iterator[Change]:
    def words(lines: Sequence[Mapping[str, Any]]) -> str:
        return "; ".join(f"{line['quantity']} × {line['sku']}, {line['total']}" for line in lines)

    yield Change(FIELD_NAMES["lines"], words(before), words(after))


def _shown(name: str, value: Any, names: _Names) -> str:
    known: Callable[[Any], str] | None = getattr(getattr(names, name, None), "get", None)
    if value in (None, ""):
        return NOTHING
    if known is not None:
        return known(value) or str(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)
