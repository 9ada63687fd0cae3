"""Takes in 1,000 orders of two lines over HTTP, token and answer included, against the bare COPY."""

from __future__ import annotations

import json

from django.conf import settings
from django.test import Client

from orders.domain.actors import Actor
from orders.domain.setup.tokens import TokenDraft, issue_token
from orders.models import ApiToken, Merchant
from tests.bench.intake import BATCH, _drafts, _prepared_copies
from tests.bench.measuring import Figure, compare

GOAL = 2.5
URL = "/api/web/1.0/orders"


def measure() -> Figure:
    """The whole way: every middleware, the token's look-up and count, the JSON both ways."""
    merchant = Merchant.objects.get(slug="atlas")
    actor = Actor.system("bench")
    draft = TokenDraft(merchant.pk, "bench", frozenset(ApiToken.ABILITIES), rate=6_000)
    headers = {"Authorization": f"Bearer {issue_token(draft, actor=actor).secret}"}
    prepared = _prepared_copies(merchant, actor)
    client = Client(HTTP_HOST=settings.ALLOWED_HOSTS[0])
    body = _body()

    def ours() -> None:
        answer = client.generic("POST", URL, body, content_type="application/json", headers=headers)
        assert answer.status_code == 200, answer.content[:500]
        assert len(answer.json()["data"]) == BATCH

    def limit() -> None:
        next(prepared)()

    return compare("the same over HTTP, token and answer included", ours=ours, limit=limit, goal=GOAL)


def _body() -> bytes:
    orders = [
        {
            "full_name": draft.full_name,
            "phone": draft.phone,
            "city": draft.city,
            "address": draft.address,
            "is_fees_paid_by_customer": draft.is_fees_paid_by_customer,
            "total": draft.total,
            "products": [
                {"sku": line.sku, "quantity": line.quantity, "price": line.price} for line in draft.lines
            ],
        }
        for draft in _drafts()
    ]
    return json.dumps({"orders": orders}).encode()
