"""Fills the database with a month of two merchants' work, to look around in."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from orders.management.demonstration import PASSWORD, load_demonstration


class Command(BaseCommand):
    help = (
        "Load the demonstration: merchants atlas (Morocco) and casbah (Algeria) with their goods, a month of "
        "orders in every status, and an account for each role. A second run changes nothing. "
        "Example: manage.py load_demo"
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        loaded = load_demonstration()
        if loaded is None:
            self.stdout.write("The demonstration is here already; nothing was changed.")
            return
        self.stdout.write(
            f"Loaded merchants atlas and casbah with {loaded.products} products and {loaded.orders} orders."
        )
        self.stdout.write("")
        self.stdout.write(f"  {'account':<12} {'password':<16} {'name':<18} works as")
        for account in loaded.accounts:
            password = PASSWORD if account.is_new else "(as it was)"
            what = f"{account.username}, {account.what}"
            self.stdout.write(f"  {account.username:<12} {password:<16} {account.name:<18} {what}")
