"""Pages of API tokens: the list with what ends soon, a new one, its rotation and its end.

What a token is and who may issue one is said in orders/domain/setup/tokens.py.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.domain.refusals import InvalidInput, NotThere
from orders.domain.setup import tokens
from orders.models import ApiToken
from orders.web.access import actor_of, requires, wants_json
from orders.web.bodies import read_body
from orders.web.forms import show_refusal
from orders.web.settings.sections import draw
from orders.web.tokens.forms import SHORT_ABILITIES, TokenForm

SECTION = "tokens"
READING_AND_WRITING = ("GET", "POST")
MOST_SHOWN = 500


@requires(tokens.PERMISSION)
def list_tokens(request: HttpRequest) -> HttpResponse:
    """Every token by its beginning and its end, never as a whole; the live ones first."""
    at = timezone.now()
    found = sorted(tokens.tokens_for(actor_of(request))[:MOST_SHOWN], key=lambda one: not one.is_live(at))
    if wants_json(request):
        return JsonResponse({"data": [_as_json(token) for token in found]})
    ending = tokens.ending_soon(found, at)
    rows = [
        {
            "token": token,
            "is_live": token.is_live(at),
            "is_ending": token in ending,
            "may_rotate": token.is_live(at) and getattr(token, "followed_by", None) is None,
            "abilities": [SHORT_ABILITIES[name] for name in token.abilities],
        }
        for token in found
    ]
    return draw(request, "tokens/list.html", SECTION, {"rows": rows, "ending": ending})


@requires(tokens.PERMISSION, methods=READING_AND_WRITING)
def new_token(request: HttpRequest) -> HttpResponse:
    """Makes a token and shows it, this once."""
    actor = actor_of(request)
    tokens.check_issuer(actor)
    if request.method != "POST":
        return _form_page(request, TokenForm(actor=actor))
    form = TokenForm(_said(request), actor=actor)
    if form.is_valid():
        try:
            issued = tokens.issue_token(form.draft(), actor=actor)
        except InvalidInput as refusal:
            if wants_json(request):
                raise
            show_refusal(form, refusal, fields={"expires_at": "expires_on"})
        else:
            return _show_once(request, issued)
    elif wants_json(request):
        raise InvalidInput({name: [str(text) for text in texts] for name, texts in form.errors.items()})
    return _form_page(request, form, status=422)


@requires(tokens.PERMISSION, methods=("POST",))
def rotate(request: HttpRequest, token_id: int) -> HttpResponse:
    """Makes a token in the place of this one, which lives on until it is revoked."""
    return _show_once(request, tokens.rotate_token(token_id, actor=actor_of(request)))


@requires(tokens.PERMISSION, methods=READING_AND_WRITING)
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Asks once, then ends the token at once."""
    actor = actor_of(request)
    if request.method != "POST":
        token = tokens.tokens_for(actor).filter(pk=token_id).first()
        if token is None:
            raise NotThere(_("There is no such token."))
        return draw(request, "tokens/revoke.html", SECTION, {"token": token})
    token = tokens.revoke_token(token_id, actor=actor)
    if wants_json(request):
        return JsonResponse({"data": _as_json(token)})
    messages.success(request, _("%(token)s is revoked: it opens nothing any more.") % {"token": token})
    return HttpResponseRedirect(reverse("settings-tokens"))


def _said(request: HttpRequest) -> Any:
    if request.content_type != "application/json":
        return request.POST
    said = dict(read_body(request).values)
    return {"expires_on": (timezone.localdate() + tokens.LIFETIME).isoformat()} | said


def _form_page(request: HttpRequest, form: TokenForm, *, status: int = 200) -> HttpResponse:
    return draw(request, "tokens/new.html", SECTION, {"form": form}, status=status)


def _show_once(request: HttpRequest, issued: tokens.Issued) -> HttpResponse:
    """The token itself: on this answer and on no other, so it is no redirect."""
    if wants_json(request):
        body = {**_as_json(issued.token), "key": issued.token.key, "token": issued.secret}
        return JsonResponse({"data": body}, status=201)
    base = settings.PUBLIC_URL.rstrip("/") or f"{request.scheme}://{request.get_host()}"
    context = {
        "token": issued.token,
        "secret": issued.secret,
        "curl": f'curl -H "Authorization: Bearer {issued.secret}" "{base}/api/v1/orders?per_page=1"',
        "earlier": issued.token.follows,
    }
    response = draw(request, "tokens/made.html", SECTION, context, status=201)
    response["Cache-Control"] = "no-store"
    return response


def _as_json(token: ApiToken) -> dict[str, Any]:
    return {
        "id": str(token.pk),
        "name": token.name,
        "merchant": token.merchant.slug,
        "prefix": token.shown,
        "abilities": list(token.abilities),
        "rate": token.rate,
        "created_by": token.created_by.display_name if token.created_by else None,
        "created_at": token.created_at.isoformat(timespec="seconds"),
        "expires_at": token.expires_at.isoformat(timespec="seconds"),
        "last_used_at": token.last_used_at.isoformat(timespec="seconds") if token.last_used_at else None,
        "last_used_address": token.last_used_address or None,
        "revoked_at": token.revoked_at.isoformat(timespec="seconds") if token.revoked_at else None,
    }
