"""Takes orders in from programs: what is wrong with the form of a body and with its orders, all at once.

How a dialect's fields become drafts is its own; the rules stand in orders/domain/incoming/intake.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orders.api.authentication import Caller
from orders.domain.incoming.intake import (
    CreatedOrder,
    OrderDraft,
    Problem,
    Rules,
    check_orders,
    create_orders,
)
from orders.domain.refusals import InvalidInput


class BodyRefused(InvalidInput):
    """As OrdersRefused, where the body had the wrong shape as well."""

    def __init__(self, errors: Mapping[str, Sequence[str]], problems: Sequence[Problem]) -> None:
        super().__init__(errors)
        self.problems = tuple(problems)


def take_orders(
    drafts: Sequence[OrderDraft], *, misshapen: Mapping[str, list[str]], caller: Caller, rules: Rules
) -> list[CreatedOrder]:
    """The orders made of the drafts: all, or BodyRefused or OrdersRefused with every error by path.

    `misshapen` holds what the dialect could not read at all (`orders.3.products`), for which a draft
    stands in; what the check says of those is left out.
    """
    if not misshapen:
        return create_orders(drafts, merchant=caller.merchant, actor=caller.actor, rules=rules)
    checked = check_orders(drafts, merchant=caller.merchant, actor=caller.actor, rules=rules)
    further = {
        path: texts
        for path, texts in checked.errors().items()
        if not any(path == root or path.startswith(f"{root}.") for root in misshapen)
    }
    raise BodyRefused({**misshapen, **further}, checked.problems)
