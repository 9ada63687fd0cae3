"""What calls on many orders share: how many at most, and an answer for every id asked for.

What is done to each order belongs to the modules that call this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from orders.domain.refusals import Code
from orders.domain.reports import Report, Result

MAX_IDS = 1000


def words_if_too_many(ids: Sequence[int]) -> list[str]:
    """The refusal for more than 1,000 different ids; empty when they are few enough."""
    count = len(set(ids))
    if count <= MAX_IDS:
        return []
    return [
        _("%(count)s orders are too many for one call; choose at most %(limit)s.")
        % {"count": count, "limit": MAX_IDS}
    ]


def report_for(ids: Sequence[int], answers: Mapping[int, Result]) -> Report:
    """The answers in the order asked, an id twice once; an id without an answer is `unknown`."""
    unknown = _("There is no such order.")
    return Report.of(
        answers.get(order_id) or Result(id=order_id, code=Code.UNKNOWN, message=unknown)
        for order_id in dict.fromkeys(ids)
    )
