"""Icons in templates: one tag that draws a lucide icon as inline SVG.

Which icon stands for what belongs to badges.py and to the templates.
"""

from __future__ import annotations

import re
from functools import lru_cache

from django import template
from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide

register = template.Library()

# Icons that point along the line of reading turn round in a right-to-left page.
POINTING = frozenset(
    {
        "arrow-left",
        "arrow-right",
        "chevron-left",
        "chevron-right",
        "chevrons-left",
        "chevrons-right",
        "corner-down-left",
        "log-in",
        "log-out",
        "redo-2",
        "reply",
        "truck",
        "undo-2",
    }
)

# The same on every icon and therefore said once, in base.css: a list of fifty rows draws 150 icons.
LINES = (
    ' fill="none"',
    ' stroke="currentColor"',
    ' stroke-width="2"',
    ' stroke-linecap="round"',
    ' stroke-linejoin="round"',
)


@register.simple_tag
def icon(name: str, size: int = 16, label: str = "", css: str = "") -> SafeString:
    """Inline SVG of a lucide icon; without a label it is hidden from screen readers."""
    return draw_icon(str(name), int(size), str(label), str(css))


@lru_cache(maxsize=1024)
def draw_icon(name: str, size: int = 16, label: str = "", css: str = "") -> SafeString:
    """The finished SVG text, drawn once per name, size and label."""
    classes = " ".join(filter(None, ["icon", "icon-mirror" if name in POINTING else "", css]))
    attributes = {"class": classes}
    if label:
        attributes |= {"role": "img", "aria-label": label}
    else:
        attributes["aria-hidden"] = "true"
    drawn = lucide(name, size=size, **attributes)
    for repeated in LINES:
        drawn = drawn.replace(repeated, "", 1)
    return mark_safe(re.sub(r">\s+<", "><", drawn).strip())  # noqa: S308  (drawn from the package's own files)
