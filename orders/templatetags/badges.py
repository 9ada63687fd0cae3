"""Badges in templates: a value of the domain as icon, word and tone.

The words come from the vocabularies of orders/models/choices.py; only their looks stand here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django import template
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from orders.models import CallCenter, Job, JobItem, Payment, Status
from orders.templatetags.icons import draw_icon

register = template.Library()


@dataclass(frozen=True)
class Look:
    """How a value is drawn: tone names a CSS class, icon a lucide icon."""

    tone: str
    icon: str
    word: str | Promise


def _looks(
    choices: Mapping[str, tuple[str, str]], labels: Sequence[tuple[str, str | Promise]]
) -> dict[str, Look]:
    words = dict(labels)
    return {value: Look(tone, icon, words[value]) for value, (tone, icon) in choices.items()}


STATUS = _looks(
    {
        Status.NEW: ("new", "inbox"),
        Status.PICKED_UP: ("new", "shopping-basket"),
        Status.PREPARING: ("new", "package-open"),
        Status.PACKED: ("packed", "package-check"),
        Status.WAITING: ("waiting", "clock"),
        Status.SHIPPED: ("shipped", "truck"),
        Status.DELIVERED: ("delivered", "circle-check"),
        Status.RETURNED: ("returned", "undo-2"),
        Status.RETURN_RECEIVED: ("returned", "undo-2"),
        Status.RETURNED_TO_STOCK: ("returned", "undo-2"),
        Status.CANCELED: ("canceled", "ban"),
        Status.OUT_OF_STOCK: ("out-of-stock", "package-x"),
        Status.ROLLBACK: ("rollback", "rotate-ccw"),
    },
    Status.choices,
)

CALL_CENTER = _looks(
    {
        CallCenter.PENDING: ("canceled", "phone"),
        CallCenter.CONFIRMED: ("delivered", "phone-call"),
        CallCenter.NO_ANSWER: ("waiting", "phone-missed"),
        CallCenter.POSTPONED: ("shipped", "calendar-clock"),
        CallCenter.REJECTED: ("out-of-stock", "phone-off"),
    },
    CallCenter.choices,
)

PAYMENT = _looks(
    {
        Payment.TEMPORARY: ("canceled", "hourglass"),
        Payment.AWAITING: ("waiting", "wallet"),
        Payment.COLLECTED: ("delivered", "banknote"),
        Payment.REMITTED: ("shipped", "landmark"),
        Payment.FAILED: ("out-of-stock", "circle-alert"),
        Payment.CANCELED: ("canceled", "ban"),
        Payment.REFUNDED: ("returned", "undo-2"),
        Payment.REJECTED: ("out-of-stock", "circle-x"),
    },
    Payment.choices,
)

JOB_STATE = _looks(
    {
        Job.State.QUEUED: ("canceled", "clock"),
        Job.State.RUNNING: ("new", "loader"),
        Job.State.PREVIEWED: ("waiting", "list-checks"),
        Job.State.DONE: ("delivered", "circle-check"),
        Job.State.FAILED: ("out-of-stock", "circle-alert"),
        Job.State.CANCELED: ("canceled", "ban"),
    },
    Job.State.choices,
)

JOB_ITEM = _looks(
    {
        JobItem.Outcome.PENDING: ("canceled", "clock"),
        JobItem.Outcome.READY: ("new", "check"),
        JobItem.Outcome.DONE: ("delivered", "circle-check"),
        JobItem.Outcome.SKIPPED: ("waiting", "equal"),
        JobItem.Outcome.FAILED: ("out-of-stock", "circle-alert"),
    },
    JobItem.Outcome.choices,
)

# What an action answers about an order; the closed list of codes shares these four looks.
OUTCOME = {
    "done": Look("delivered", "check", _("Done")),
    "already_done": Look("waiting", "equal", _("Already done")),
    "refused": Look("out-of-stock", "hand", _("Refused")),
    "not_found": Look("canceled", "search-x", _("Not found")),
}


def draw_badge(look: Look, *, css: str = "", word: str | Promise = "") -> SafeString:
    """The badge's HTML; `word` replaces the look's own."""
    return format_html(
        '<span class="badge tone-{}{}">{}{}</span>',
        look.tone,
        f" {css}" if css else "",
        draw_icon(look.icon, 14),
        word or look.word,
    )


def _known(looks: Mapping[str, Look], value: object) -> Look:
    """The value's look; a value from elsewhere is shown as it is, in grey."""
    return looks.get(str(value)) or Look("canceled", "circle-question-mark", str(value))


@register.simple_tag
def status_badge(status: str, css: str = "") -> SafeString:
    """Fulfilment status; css="badge-large" beside a heading."""
    return draw_badge(_known(STATUS, status), css=css)


@register.simple_tag
def call_center_badge(value: str, css: str = "badge-quiet") -> SafeString:
    """What the call centre reached; css="" gives it a ground of its own."""
    return draw_badge(_known(CALL_CENTER, value), css=css)


@register.simple_tag
def payment_badge(value: str, css: str = "badge-quiet") -> SafeString:
    """Where the money is; css="" gives it a ground of its own."""
    return draw_badge(_known(PAYMENT, value), css=css)


@register.simple_tag
def job_badge(state: str, css: str = "") -> SafeString:
    """State of a job."""
    return draw_badge(_known(JOB_STATE, state), css=css)


@register.simple_tag
def job_item_badge(outcome: str, css: str = "badge-quiet") -> SafeString:
    """Outcome of one row of a job."""
    return draw_badge(_known(JOB_ITEM, outcome), css=css)


@register.simple_tag
def outcome_badge(outcome: str, word: str = "", css: str = "badge-quiet") -> SafeString:
    """Outcome of an action on one order: done, already_done, refused, not_found."""
    return draw_badge(_known(OUTCOME, outcome), css=css, word=word)


@register.simple_tag
def badge(word: str, tone: str = "canceled", icon: str = "info", css: str = "") -> SafeString:
    """Any other badge: a word with one of the tones and an icon."""
    return draw_badge(Look(tone, icon, str(word)), css=css)


@register.filter
def status_tone(status: str) -> str:
    """The CSS class that carries a status's colours, for a mark or a key figure."""
    return f"tone-{_known(STATUS, status).tone}"


@register.filter
def status_icon(status: str) -> str:
    """The name of a status's icon, for the icon tag."""
    return _known(STATUS, status).icon


@register.filter
def status_word(status: str) -> str:
    """A status's word alone."""
    return str(_known(STATUS, status).word)


@register.filter
def outcome_tone(outcome: str) -> str:
    """The CSS class that carries an outcome's colours."""
    return f"tone-{_known(OUTCOME, outcome).tone}"


@register.filter
def outcome_icon(outcome: str) -> str:
    """The name of an outcome's icon, for the icon tag."""
    return _known(OUTCOME, outcome).icon
