"""Writes who changed what in the set-up: one row a change, in the transaction of the change.

What may be changed, and by whom, is decided where it is changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.encoding import force_str
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.models import SettingChange

Subject = SettingChange.Subject
Verb = SettingChange.Verb
MAX_VALUE = 300


@dataclass(frozen=True)
class Change:
    """One field's values before and after, in words for people."""

    field: str
    before: str
    after: str

    def as_json(self) -> dict[str, str]:
        return {"field": self.field, "from": self.before[:MAX_VALUE], "to": self.after[:MAX_VALUE]}


@dataclass(frozen=True)
class Noted:
    """A change to be written down."""

    subject: SettingChange.Subject
    subject_id: int | None
    subject_name: str
    verb: SettingChange.Verb
    changes: tuple[Change, ...] = field(default=())
    merchant_id: int | None = None


def record_changes(noted: Iterable[Noted], *, actor: Actor, at: dt.datetime | None = None) -> None:
    """Appends a row for each; a change that changed nothing is left out."""
    moment = at or timezone.now()
    SettingChange.objects.bulk_create(
        SettingChange(
            subject=note.subject,
            subject_id=note.subject_id,
            subject_name=note.subject_name[:200],
            merchant_id=note.merchant_id,
            verb=note.verb,
            changes=[change.as_json() for change in note.changes],
            actor_kind=actor.kind,
            user_id=actor.user_id,
            actor_name=actor.name[:150],
            source=actor.source,
            recorded_at=moment,
        )
        for note in noted
        if note.changes or note.verb != Verb.CHANGED
    )


def differences(row: models.Model, after: Mapping[str, Any]) -> tuple[Change, ...]:
    """What giving the row the values `after` (by field name) would change, in the fields' own words."""
    changes = []
    for name, value in after.items():
        model_field = row._meta.get_field(name)
        before = getattr(row, name)
        if before != value:
            words = force_str(getattr(model_field, "verbose_name", name))
            changes.append(Change(words, in_words(model_field, before), in_words(model_field, value)))
    return tuple(changes)


def in_words(model_field: Any, value: object) -> str:
    """A field's value as people read it; another row by its name."""
    if value is None or value == "":
        return _("nothing")
    if model_field.is_relation:
        return force_str(model_field.related_model._default_manager.filter(pk=value).first() or value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dt.date):
        return date_format(value)
    choices = dict(getattr(model_field, "flatchoices", None) or ())
    return force_str(choices.get(value, value))
