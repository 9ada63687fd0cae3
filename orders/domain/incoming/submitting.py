"""Makes an order from a person's form, once however often the form is sent.

Every other door makes orders through intake.py directly.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.incoming.intake import OrderDraft, create_orders
from orders.domain.refusals import InvalidInput, NotAllowed, Refusal
from orders.domain.rows.locking import write_transaction
from orders.models import Merchant, Submission

MAX_NONCE = 64


class AlreadySubmitted(Refusal):
    """The form made an order before and says something else now; `reference` names that order."""

    code = "submitted"

    def __init__(self, message: str, *, order_id: int, reference: str) -> None:
        super().__init__(message)
        self.order_id = order_id
        self.reference = reference


class Made(NamedTuple):
    """The order that the form stands for. `is_new`: it was made just now."""

    order_id: int
    is_new: bool


def submit_order(draft: OrderDraft, *, merchant: Merchant, actor: Actor, nonce: str) -> Made:
    """The order made from the draft, or the one that the same form made before.

    Refuses as create_orders does; a nonce used before with other values is AlreadySubmitted.
    """
    user_id = actor.user_id
    if user_id is None:
        raise NotAllowed(_("Only a person can send a form."))
    if not nonce or len(nonce) > MAX_NONCE:
        raise InvalidInput({"nonce": [_("This form has lost its key. Reload the page and send it again.")]})
    fingerprint = hashlib.sha256(f"{merchant.pk} {asdict(draft)!r}".encode()).hexdigest()

    def work() -> Made:
        # A rival with the same nonce waits here until this transaction is through, then finds the row.
        submission, is_new = Submission.objects.select_related("order").get_or_create(
            user_id=user_id,
            nonce=nonce,
            defaults={"fingerprint": fingerprint, "created_at": timezone.now()},
        )
        if not is_new:
            return _made_before(submission, fingerprint)
        created = create_orders([draft], merchant=merchant, actor=actor)[0]
        Submission.objects.filter(pk=submission.pk).update(order_id=created.id)
        return Made(created.id, is_new=True)

    return write_transaction(work)


def was_submitted(nonce: str, *, actor: Actor) -> bool:
    """Whether the person's form with this nonce has made its order already."""
    if actor.user_id is None:
        return False
    return Submission.objects.filter(user_id=actor.user_id, nonce=nonce).exists()


def _made_before(submission: Submission, fingerprint: str) -> Made:
    order = submission.order
    assert order is not None  # noqa: S101 - written in the transaction that made the row
    if submission.fingerprint != fingerprint:
        raise AlreadySubmitted(
            _("This form made %(reference)s already. Open a new form for another order.")
            % {"reference": order.reference},
            order_id=order.pk,
            reference=order.reference,
        )
    return Made(order.pk, is_new=False)
