"""Finds the order that an address names, by id or reference, for the person who asks.

Many orders at once are found by the list's filters (orders/domain/lists/filtering.py).
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.reading.codes import read_reference
from orders.domain.refusals import NotThere
from orders.models import Order
from orders.web.bodies import whole_number


def find_order(named: str, *, actor: Actor, with_deleted: bool = False) -> Order:
    """The order of that id or reference, with all that its page reads of it; one statement.

    Refuses with `unknown` what is not there and what is another merchant's, in the same words.
    A deleted order is there only `with_deleted`: its tombstone.
    """
    orders = Order.objects.select_related(
        "merchant", "warehouse", "reserved_warehouse", "city_place", "created_by"
    )
    number = whole_number(named)
    reference = read_reference(named)
    if number is not None:
        orders = orders.filter(pk=number)
    elif reference is not None:
        orders = orders.filter(reference=reference[0])
    else:
        raise NotThere(_("There is no such order."))
    if actor.merchant_id is not None:
        orders = orders.filter(merchant_id=actor.merchant_id)
    if not with_deleted:
        orders = orders.filter(deleted_at__isnull=True)
    order = orders.first()
    if order is None:
        raise NotThere(_("There is no such order."))
    return order
