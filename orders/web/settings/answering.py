"""How every form of Settings answers: its page, what saving leads to, or the refusal at its fields.

What is refused is said in the domain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from orders.domain.refusals import InvalidInput
from orders.models import SettingChange
from orders.web.access import wants_json
from orders.web.forms import show_refusal
from orders.web.settings.sections import draw

CHANGES_BESIDE = 10


def answer_form(
    request: HttpRequest,
    form: forms.Form,
    save: Callable[[], HttpResponse],
    section: str,
    context: dict[str, Any],
    *,
    template: str = "settings/form.html",
) -> HttpResponse:
    """The form's page, or what `save` answers once the form is right; nothing typed is lost."""
    if request.method != "POST":
        return draw(request, template, section, context)
    if form.is_valid():
        try:
            return save()
        except InvalidInput as refusal:
            if wants_json(request):
                raise
            show_refusal(form, refusal)
    elif wants_json(request):
        raise InvalidInput({name: [str(text) for text in texts] for name, texts in form.errors.items()})
    return draw(request, template, section, context, status=422)


def changes_of(subject: SettingChange.Subject, subject_id: int) -> QuerySet[SettingChange]:
    """The last changes of one person, role, merchant or warehouse."""
    changes = SettingChange.objects.filter(subject=subject, subject_id=subject_id)
    return changes.order_by("-id")[:CHANGES_BESIDE]
