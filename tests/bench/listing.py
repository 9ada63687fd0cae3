"""The order list at several sizes: its cost against the bare rows, and its growth from the smallest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client

from orders.models import User
from tests.bench.databases import use
from tests.bench.measuring import Figure, compare, shuffled_times, statements_of

GROWTH_GOAL = 1.5
# The whole page, chrome and login included, beside a bare SELECT of its rows.
PAGE_GOAL = 40.0
PAGES = {
    "all orders": "/orders",
    "tab NEW": "/orders/NEW",
    "tab DELIVERED": "/orders/DELIVERED",
    "by total": "/orders?sort_by=total",
    "phone's last digits": "/orders?search=4471",
}
ROUNDS = 15


def measure(databases: dict[int, str]) -> list[Figure]:
    """A figure a page and size against the bare rows, then a figure a page for its growth."""
    clients = {size: _logged_in(database) for size, database in databases.items()}
    figures = []
    for name, path in PAGES.items():
        for size, database in databases.items():
            use(database)
            figures.append(
                compare(
                    f"list, {name}, {size:,} orders",
                    ours=_page(clients[size], path),
                    limit=_bare_rows,
                    goal=PAGE_GOAL,
                    rounds=ROUNDS,
                )
            )
        figures.append(_growth(name, path, databases, clients))
    return figures


def _logged_in(database: str) -> Client:
    use(database)
    user, made = User.objects.get_or_create(username="bench")
    if made:
        user.groups.add(Group.objects.get(name="manager"))
    client = Client(HTTP_HOST=settings.ALLOWED_HOSTS[0])
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _page(client: Client, path: str) -> Callable[[], None]:
    def get() -> None:
        response = client.get(path)
        assert response.status_code == 200, response.status_code

    return get


def _bare_rows() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, reference, status, full_name, city, phone, total, created_at FROM orders_order"
            " WHERE deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 50"
        )
        cursor.fetchall()


def _growth(name: str, path: str, databases: dict[int, str], clients: dict[int, Client]) -> Figure:
    """The page on the largest database against the page on the smallest, in shuffled turns."""
    small, large = min(databases), max(databases)
    works = {
        size: (lambda size=size: use(databases[size]), _page(clients[size], path)) for size in (small, large)
    }
    rounds: Sequence[dict[int, float]] = shuffled_times(works, rounds=ROUNDS)
    ratios = [taken[large] / taken[small] for taken in rounds]
    use(databases[large])
    return Figure(
        f"list, {name}, {large:,} to {small:,}",
        median(ratios),
        min(ratios),
        max(ratios),
        statements_of(works[large][1]),
        GROWTH_GOAL,
        median(taken[small] for taken in rounds) * 1000,
    )
