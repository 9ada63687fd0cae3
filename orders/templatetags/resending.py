"""What somebody typed into a form whose key had run out, so that they can send it again.

Whether the form may be sent at all is decided where it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.http import HttpRequest
from django.template import Context

register = template.Library()

KEY = "csrfmiddlewaretoken"
SHOWN = 30  # more fields than this are counted, not listed


@dataclass(frozen=True)
class Typed:
    """The fields of a refused form: all of them to send, those a person typed to look at."""

    fields: tuple[tuple[str, str], ...]

    @property
    def shown(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, text) for name, text in self.fields if text.strip())[:SHOWN]

    @property
    def hidden_count(self) -> int:
        return max(0, len(self.fields) - len(self.shown))


@register.simple_tag(takes_context=True)
def typed_fields(context: Context) -> Typed | None:
    """What was typed, or None where sending it again must not be offered.

    A form from another site is never offered: a click on our own page would send what
    somebody else filled in. Passwords and files are never kept.
    """
    request = context.get("request")
    if not isinstance(request, HttpRequest) or request.method != "POST" or not _is_ours(request):
        return None
    if request.FILES or any("password" in name for name in request.POST):
        return None
    return Typed(
        tuple(
            (name, text)
            for name, texts in request.POST.lists()
            for text in texts
            if name != KEY and isinstance(text, str)
        )
    )


def _is_ours(request: HttpRequest) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin") == f"{request.scheme}://{request.get_host()}"
