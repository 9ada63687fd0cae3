"""`manage.py audit`: a line an invariant, with the number of its violations."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orders.domain.auditing import audit


class Command(BaseCommand):
    help = (
        "Checks over the whole database that no order, unit or dirham was lost or doubled, and exits"
        " with 1 when it finds anything. Changes nothing. Example: python manage.py audit"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        broken = 0
        for finding in audit():
            invariant = finding.invariant
            broken += finding.total
            shown = f"  (also shown by {', '.join(invariant.shown_by)})" if invariant.shown_by else ""
            if not invariant.checks:
                shown = f"  (rows cannot show it; see {', '.join(invariant.shown_by)})"
            self.stdout.write(f"{invariant.code:<4}{finding.total:>8}  {invariant.words}{shown}")
            for words, violations in finding.violations.items():
                if violations:
                    self.stdout.write(self.style.ERROR(f"    {violations:>8}  {words}"))
        if broken:
            raise CommandError(f"{broken} violations found.", returncode=1)
