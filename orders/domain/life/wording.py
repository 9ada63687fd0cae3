"""What an order's move answers in words: what, where, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from django.utils.translation import gettext as _

from orders.domain.life.transitions import TRANSITIONS, Action, allowed_actions
from orders.domain.refusals import Code
from orders.domain.reports import Result
from orders.models import Status


class Standing(Protocol):
    """What the words need of an order."""

    @property
    def id(self) -> int: ...
    @property
    def reference(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def remembered_status(self) -> str: ...
    @property
    def is_packed(self) -> bool: ...


class Words:
    """The words of one call, looked up once in the language of who asks."""

    def __init__(self) -> None:
        self.statuses: Mapping[str, str] = {status.value: str(status.label) for status in Status}
        self._done = _("%(reference)s is %(status)s now.")
        self._already = _("%(reference)s is %(status)s already.")

    def done(self, order: Standing, status: str) -> str:
        return self._done % {"reference": order.reference, "status": self.statuses[status]}

    def already(self, order: Standing) -> str:
        return self._already % {"reference": order.reference, "status": self.statuses[order.status]}


def refuse(order: Standing, code: Code, message: str) -> Result:
    """The answer for an order that stays as it is, with what is possible from there."""
    return Result(
        id=order.id,
        reference=order.reference,
        code=code,
        message=message,
        status=order.status,
        allowed=_allowed(order),
    )


def refuse_status(order: Standing, action: Action) -> Result:
    """The answer for an order from whose status the action does not start."""
    names = {"reference": order.reference}
    if order.status == Status.CANCELED:
        words = _("%(reference)s is canceled. Put it aside; renew it if the customer wants it after all.")
        return refuse(order, Code.CANCELED, words % names)
    allowed = ", ".join(str(TRANSITIONS[next_one].label) for next_one in _allowed(order))
    words = _(
        "%(reference)s is %(status)s; “%(action)s” does not start from there. Possible now: %(allowed)s."
    )
    return refuse(
        order,
        Code.WRONG_STATUS,
        words
        % {
            **names,
            "status": Status(order.status).label,
            "action": TRANSITIONS[action].label,
            "allowed": allowed or _("nothing"),
        },
    )


def _allowed(order: Standing) -> tuple[Action, ...]:
    return allowed_actions(
        status=order.status, remembered_status=order.remembered_status, is_packed=order.is_packed
    )
