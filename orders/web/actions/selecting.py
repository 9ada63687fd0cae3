"""Which orders an action is about: ids that were ticked, or all that match the list's filter.

What is done to them stands in bulk_actions.py; how filters are read, in orders/domain/lists/filtering.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.life.batches import MAX_IDS
from orders.domain.lists.filtering import newest_order_id, read_frozen
from orders.domain.refusals import InvalidInput
from orders.models import OrderQuerySet
from orders.web.bodies import Body
from orders.web.lists.asking import PAGE_PARAMETERS


@dataclass(frozen=True)
class Selection:
    """The orders of one call. With more than 1,000 that match, `ids` is empty and `matching` says which.

    `frozen` is the filter as it stood when it was first read: orders made later do not match.
    """

    ids: tuple[int, ...]
    frozen: str = ""
    matching: OrderQuerySet | None = None

    @property
    def is_large(self) -> bool:
        return self.matching is not None

    @property
    def is_by_filter(self) -> bool:
        return bool(self.frozen)


def read_selection(request: HttpRequest, body: Body, *, actor: Actor) -> Selection:
    """The orders meant by `ids`, or by `all_matching` with the list's filter.

    The filter comes as the field `filter` (an address's query, or an object), else as the
    query of the address posted to; the tab in it is called `tab`. Refuses with `invalid` no
    orders at all, ids that are no numbers, more than 1,000 of them, a filter that cannot be read.
    """
    if not body.flag("all_matching"):
        return Selection(tuple(dict.fromkeys(body.ids())))
    asked = read_frozen(_filter_sent(request, body), actor=actor)
    up_to = asked.up_to or newest_order_id(asked.orders)
    frozen = asked.freeze(up_to=up_to)
    matching = read_frozen(frozen, actor=actor).orders
    ids = tuple(matching.order_by("pk").values_list("pk", flat=True)[: MAX_IDS + 1])
    if not ids:
        raise InvalidInput({"ids": [_("No order matches the filter any more. Look at the list again.")]})
    if len(ids) > MAX_IDS:
        return Selection((), frozen, matching)
    return Selection(ids, frozen)


def _filter_sent(request: HttpRequest, body: Body) -> str:
    """The filter as an address says it, without what only turns pages."""
    sent = body.get("filter")
    if isinstance(sent, Mapping):
        pairs = [(str(name), str(value)) for name, value in sent.items()]
    else:
        pairs = parse_qsl(sent if isinstance(sent, str) else request.META.get("QUERY_STRING", ""))
    return urlencode([(name, value) for name, value in pairs if name not in PAGE_PARAMETERS])
