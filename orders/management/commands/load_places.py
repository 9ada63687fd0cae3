"""Fills the places: cities, communes and their other spellings. Editing them is done in Settings."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from orders.domain.geography.gazetteer import load_places


class Command(BaseCommand):
    help = (
        "Load the cities of Morocco and the communes of Algeria that orders are matched against. "
        "Adds what is missing, changes nothing that people edited. Example: manage.py load_places"
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        loaded = load_places()
        if loaded.is_nothing_new:
            self.stdout.write(f"Nothing new: {loaded.cities} cities and {loaded.aliases} other spellings.")
            return
        self.stdout.write(
            f"Loaded {loaded.new_cities} cities and {loaded.new_aliases} other spellings; "
            f"there are {loaded.cities} and {loaded.aliases} now."
        )
