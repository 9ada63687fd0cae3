"""Makes a program's token from the command line and prints it once."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.refusals import InvalidInput
from orders.domain.setup.tokens import LIFETIME, TokenDraft, issue_token
from orders.models import ApiToken, Merchant
from orders.models.tokens import DEFAULT_RATE

ALL = "all"


class Command(BaseCommand):
    help = (
        "Make an API token and print it; it is shown this once. "
        "Example: manage.py create_token --merchant atlas --name ci --abilities all --json"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--merchant", required=True, help="short name of the merchant, such as atlas")
        parser.add_argument("--name", required=True, help="what the token is for, such as ci")
        parser.add_argument(
            "--abilities",
            default=ALL,
            help="all, or some of orders.view,orders.create,orders.update,orders.delete (default: all)",
        )
        parser.add_argument(
            "--days", type=int, default=LIFETIME.days, help="how long it lives (default: a year)"
        )
        parser.add_argument(
            "--rate", type=int, default=DEFAULT_RATE, help="requests a minute (default: %(default)s)"
        )
        parser.add_argument("--json", action="store_true", help='print {"key": ..., "token": ...} only')

    def handle(self, *_args: Any, **options: Any) -> None:
        merchant = Merchant.objects.filter(slug=options["merchant"]).first()
        if merchant is None:
            known = ", ".join(Merchant.objects.order_by("slug").values_list("slug", flat=True))
            raise CommandError(f"There is no merchant {options['merchant']!r}; there are: {known or 'none'}.")
        if not 1 <= options["days"] <= 10_000:
            raise CommandError("days: Choose a day from tomorrow, at most five years ahead.")
        draft = TokenDraft(
            merchant_id=merchant.pk,
            name=options["name"],
            abilities=read_abilities(options["abilities"]),
            expires_at=timezone.now() + dt.timedelta(days=options["days"]),
            rate=options["rate"],
        )
        try:
            issued = issue_token(draft, actor=Actor.system("command"))
        except InvalidInput as refusal:
            words = (f"{name}: {text}" for name, texts in refusal.errors.items() for text in texts)
            raise CommandError(" ".join(words)) from refusal
        if options["json"]:
            self.stdout.write(json.dumps({"key": issued.token.key, "token": issued.secret}))
            return
        self.stdout.write(f"key    {issued.token.key}")
        self.stdout.write(f"token  {issued.secret}")
        self.stdout.write(
            f"For {merchant.name} until {issued.token.expires_at:%Y-%m-%d}; it is not shown again."
        )


def read_abilities(text: str) -> frozenset[str]:
    """`all`, or names such as `orders.view,orders.create`."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    known = {f"orders.{name}": name for name in ApiToken.ABILITIES}
    if names == [ALL]:
        return frozenset(known.values())
    if unknown := [name for name in names if name not in known]:
        raise CommandError(f"Unknown ability: {', '.join(unknown)}. Use all, or some of {','.join(known)}.")
    return frozenset(known[name] for name in names)
