"""Figures in templates: money, counts, references, days and moments, always read left to right.

Sums and conversions do not belong here: a template shows what it was given.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

register = template.Library()

NOTHING = "–"


@register.filter
def amount(value: Decimal | float | str | None) -> SafeString:
    """1,234.50 without currency: for columns whose heading names it."""
    if (grouped := _grouped(value)) is None:
        return format_html('<span class="muted">{}</span>', NOTHING)
    return format_html('<span class="money">{}</span>', grouped)


@register.simple_tag
def money(value: Decimal | float | str | None, currency: str = "") -> SafeString:
    """1,234.50 MAD."""
    if (grouped := _grouped(value)) is None:
        return format_html('<span class="muted">{}</span>', NOTHING)
    return format_html('<span class="money">{} <span class="currency">{}</span></span>', grouped, currency)


@register.filter
def whole(value: int | None) -> SafeString:
    """12,345: counts and quantities."""
    if value is None:
        return format_html('<span class="muted">{}</span>', NOTHING)
    return format_html('<span class="figure">{}</span>', f"{int(value):,}")


@register.simple_tag
def code(value: object) -> SafeString:
    """A reference, SKU, tracking number or phone in the tabular face, left to right."""
    if value in (None, ""):
        return format_html('<span class="muted">{}</span>', NOTHING)
    return format_html('<bdi class="code" dir="ltr">{}</bdi>', value)


@register.simple_tag
def day(value: dt.date | None) -> SafeString:
    """20 Nov, with the year when it is another than this one."""
    if value is None:
        return format_html('<span class="muted">{}</span>', NOTHING)
    if isinstance(value, dt.datetime):
        value = timezone.localtime(value).date() if timezone.is_aware(value) else value.date()
    return format_html(
        '<time class="nowrap" datetime="{}">{}</time>',
        value.isoformat(),
        date_format(value, _day_format(value)),
    )


@register.simple_tag
def moment(value: dt.datetime | None) -> SafeString:
    """20 Nov 16:05 in the person's time zone; the full date and zone on hover."""
    if value is None:
        return format_html('<span class="muted">{}</span>', NOTHING)
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    return format_html(
        '<time class="nowrap" datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        date_format(local, "l j F Y, H:i:s") + (f" {local.tzname()}" if local.tzname() else ""),
        date_format(local, f"{_day_format(local.date())} H:i"),
    )


@register.simple_tag
def ago(value: dt.datetime | None) -> SafeString:
    """How long since, in one unit: 5 min ago; the moment itself on hover."""
    if value is None:
        return format_html('<span class="muted">{}</span>', NOTHING)
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    return format_html(
        '<time class="nowrap" datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        date_format(local, "l j F Y, H:i:s"),
        since(max(0, int((timezone.now() - value).total_seconds()))),
    )


def since(seconds: int) -> str:
    """How long ago, in one unit and in words."""
    if seconds < 60:
        return gettext("just now")
    if seconds < 3600:
        return gettext("%(count)d min ago") % {"count": seconds // 60}
    if seconds < 86_400:
        return gettext("%(count)d h ago") % {"count": seconds // 3600}
    days = seconds // 86_400
    return ngettext("%(count)d day ago", "%(count)d days ago", days) % {"count": days}


def _grouped(value: Decimal | float | str | None) -> str | None:
    if value in (None, ""):
        return None
    try:
        return f"{Decimal(str(value)):,.2f}"
    except InvalidOperation:
        return str(value)


def _day_format(value: dt.date) -> str:
    return "j M" if value.year == timezone.localdate().year else "j M Y"
