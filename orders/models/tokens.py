"""What programs bring with them: tokens, keys that make a call count once, and windows of calls.

How a token is made, checked and taken back stands in orders/domain/setup/tokens.py.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orders.models.merchants import Merchant
from orders.models.people import User

DEFAULT_RATE = 60
MAX_RATE = 6_000


class ApiToken(models.Model):
    """A program's right to act for one merchant. The token itself is shown once and never stored."""

    merchant = models.ForeignKey(
        Merchant, on_delete=models.PROTECT, related_name="tokens", verbose_name=_("merchant")
    )
    name = models.CharField(_("name"), max_length=80)
    # What names the token in places that are not secret: the user of Basic authentication.
    key = models.CharField(max_length=32, unique=True)
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the token, in hexadecimal
    prefix = models.CharField(max_length=16)
    last_four = models.CharField(max_length=4)

    can_view = models.BooleanField(_("see orders"), default=False)
    can_create = models.BooleanField(_("create orders"), default=False)
    can_update = models.BooleanField(_("update orders"), default=False)
    can_delete = models.BooleanField(_("delete orders"), default=False)
    rate = models.PositiveIntegerField(_("requests a minute"), default=DEFAULT_RATE)

    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.CharField(max_length=45, blank=True, default="")
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    # The token that this one takes the place of; both live until the earlier is revoked or expires.
    follows = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="followed_by")

    ABILITIES: ClassVar[tuple[str, ...]] = ("view", "create", "update", "delete")

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        constraints = (
            models.CheckConstraint(
                condition=Q(can_view=True) | Q(can_create=True) | Q(can_update=True) | Q(can_delete=True),
                name="token_may_something",
            ),
            models.CheckConstraint(condition=Q(rate__gte=1), name="token_rate_positive"),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.shown}"

    @property
    def shown(self) -> str:
        """The token as people may see it: its beginning and its last four signs."""
        return f"{self.prefix}…{self.last_four}"

    @property
    def abilities(self) -> tuple[str, ...]:
        return tuple(name for name in self.ABILITIES if getattr(self, f"can_{name}"))

    def is_live(self, at: dt.datetime | None = None) -> bool:
        """Whether it opens a door at the moment, its merchant and its maker aside."""
        return self.revoked_at is None and self.expires_at > (at or timezone.now())


class IdempotencyKey(models.Model):
    """A creating call that a program marked with a key of its own: claimed first, then answered.

    `owner` is the call that is at work on it; once `status` is there, so is the whole answer.
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="+", db_index=False)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of the body
    owner = models.CharField(max_length=32)
    claimed_at = models.DateTimeField()
    leased_until = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    content_type = models.CharField(max_length=60, blank=True, default="")
    answer = models.TextField(blank=True, default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("merchant", "method", "path", "key"), name="idempotency_key_unique"
            ),
        )
        indexes = (models.Index(fields=("claimed_at",), name="idempotency_claimed"),)

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"


class RateWindow(models.Model):
    """How many calls were made in a window that began with the first of them; moments in milliseconds."""

    name = models.CharField(max_length=100, primary_key=True)
    count = models.PositiveIntegerField()
    ends_ms = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=("ends_ms",), name="rate_window_ends"),)

    def __str__(self) -> str:
        return f"{self.name}: {self.count}"
