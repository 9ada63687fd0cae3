"""Knows the program at the door by the token it brings.

What a token is and when it is live stands in orders/domain/setup/tokens.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from axes.helpers import get_client_ip_address
from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from orders.api.dialects import Failed, Failure
from orders.api.refusing import CHALLENGE, no_such_token
from orders.api.throttling import count_call
from orders.domain.actors import Actor
from orders.domain.setup.tokens import actor_with, find_token, note_use
from orders.models import ApiToken, Merchant

# Wrong tokens an address may try in a minute; right ones from there pass all the same.
WRONG_TOKENS = 20

_log = structlog.get_logger("packhouse.api")


@dataclass(frozen=True)
class Caller:
    """Who calls: the token, and the actor that history names."""

    token: ApiToken
    actor: Actor

    @property
    def merchant(self) -> Merchant:
        return self.token.merchant


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer pk_live_...`; the scheme in any case, the token nowhere else."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Caller]:
        scheme, _space, secret = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        secret = secret.strip() if scheme.lower() == "bearer" else ""
        address = get_client_ip_address(request._request) or ""
        token = find_token(secret) if secret else None
        if token is None:
            raise self._refuse(address, tried=bool(secret))
        note_use(token, address=address)
        dialect = request.parser_context["view"].dialect
        return AnonymousUser(), Caller(token, actor_with(token, source=dialect.source))

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE

    def _refuse(self, address: str, *, tried: bool) -> Failed:
        _log.warning("token refused", client=address, tried=tried)
        if tried:
            window = count_call(f"wrong:{address}", limit=WRONG_TOKENS)
            if not window.passes:
                words = _("Too many wrong tokens came from this address. Try again in a minute.")
                return Failed(
                    Failure(429, words, "too_many_attempts", headers={"Retry-After": str(window.wait)})
                )
        return Failed(no_such_token())
