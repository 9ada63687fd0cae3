"""How many orders a question finds, and how they spread over the tabs.

How counting stays cheap stands in orders/domain/lists/counting.py.
"""

from __future__ import annotations

from orders.domain.lists.counting import (
    STOPPED,
    TabTallies,
    Tally,
    count_matching,
    count_matching_by_tab,
    count_tabs,
)
from orders.domain.lists.filtering import OrderFilter


def count_found(asked: OrderFilter) -> Tally:
    """How many orders the filter finds in its tab; at most two statements."""
    if asked.is_narrowed:
        return count_matching(asked.orders)
    return count_tabs(_merchant_of(asked)).of(asked.tab)


def count_found_by_tab(asked: OrderFilter) -> tuple[TabTallies | None, Tally]:
    """As count_found, with the tallies of all tabs beside it; None where they are too many to count."""
    if not asked.is_narrowed:
        tabs = count_tabs(_merchant_of(asked))
        return tabs, tabs.of(asked.tab)
    by_tab = count_matching_by_tab(asked.in_all_tabs)
    if by_tab is not None:
        return by_tab, by_tab.of(asked.tab)
    return None, STOPPED if asked.tab is None else count_matching(asked.orders)


def _merchant_of(asked: OrderFilter) -> int | None:
    return asked.merchant.pk if asked.merchant else asked.actor.merchant_id
