"""Django's admin, for superusers: looking at every table, and giving or taking the superuser's own right.

Nothing here goes around the domain: orders, stock and history are read only, and what Settings edit is
edited there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db import models
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from orders.domain.actors import Actor
from orders.domain.setup.changes import Change, Noted, Subject, Verb, in_words, record_changes
from orders.models import (
    City,
    CityAlias,
    FoldedCount,
    Job,
    JobFile,
    JobItem,
    Merchant,
    Order,
    OrderEvent,
    OrderLine,
    Product,
    ScanAttempt,
    SettingChange,
    StockLevel,
    StockMovement,
    User,
    Warehouse,
    WorkerPulse,
)

SOURCE = "admin"

if TYPE_CHECKING:
    TableAdmin = admin.ModelAdmin[Any]
    RowsBelow = admin.TabularInline[OrderLine, Order]
    AccountAdmin = UserAdmin[User]
else:
    TableAdmin, RowsBelow, AccountAdmin = admin.ModelAdmin, admin.TabularInline, UserAdmin

admin.site.site_header = _("Packhouse administration")
admin.site.site_title = _("Packhouse")
admin.site.index_title = _("Every table, to look at")
# Roles are edited in Settings, where nobody can give a right they lack.
admin.site.unregister(Group)


class SuperusersOnly:
    """Whoever is not a superuser sees nothing here, whatever rights they hold."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:  # noqa: ARG002
        return self.has_module_permission(request)


class LookOnly(SuperusersOnly, TableAdmin):
    """A table to look at: its rows are written by the domain alone."""

    show_full_result_count = False
    list_per_page = 50
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


class LinesBelow(RowsBelow):
    model = OrderLine
    extra = 0
    can_delete = False
    fields = ("cycle", "position", "sku", "name", "quantity", "unit_price", "total", "owed")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return bool(getattr(request.user, "is_superuser", False))


@admin.register(Order)
class OrderAdmin(LookOnly):
    list_display = ("reference", "status", "merchant", "full_name", "city", "total", "currency", "created_at")
    list_select_related = ("merchant",)
    list_filter = ("status", "merchant")
    search_fields = ("=reference", "=external_reference", "=tracking")
    ordering = ("-id",)
    inlines = (LinesBelow,)


@admin.register(OrderEvent)
class OrderEventAdmin(LookOnly):
    list_display = ("id", "order", "type", "action", "from_status", "to_status", "actor_name", "recorded_at")
    list_select_related = ("order",)
    search_fields = ("=order__reference",)
    ordering = ("-id",)


@admin.register(StockLevel)
class StockLevelAdmin(LookOnly):
    list_display = ("product", "warehouse", "on_hand", "reserved")
    list_select_related = ("product", "warehouse")
    list_filter = ("warehouse",)
    search_fields = ("=product__sku",)
    ordering = ("id",)


@admin.register(StockMovement)
class StockMovementAdmin(LookOnly):
    list_display = ("id", "product", "warehouse", "kind", "delta", "quantity", "actor_name", "recorded_at")
    list_select_related = ("product", "warehouse")
    search_fields = ("=product__sku",)
    ordering = ("-id",)


@admin.register(ScanAttempt)
class ScanAttemptAdmin(LookOnly):
    list_display = ("id", "user", "mode", "scanned", "outcome", "code", "recorded_at")
    list_select_related = ("user",)
    search_fields = ("=scanned",)
    ordering = ("-id",)


@admin.register(SettingChange)
class SettingChangeAdmin(LookOnly):
    list_display = ("id", "subject", "subject_name", "verb", "actor_name", "recorded_at")
    list_filter = ("subject",)
    ordering = ("-id",)


@admin.register(Job)
class JobAdmin(LookOnly):
    list_display = ("id", "kind", "state", "owner", "requested", "done", "skipped", "failed", "created_at")
    list_select_related = ("owner",)
    list_filter = ("kind", "state")
    ordering = ("-id",)


@admin.register(JobItem)
class JobItemAdmin(LookOnly):
    list_display = ("job", "number", "outcome", "code", "message")
    search_fields = ("=job__id",)
    ordering = ("-job_id", "number")


@admin.register(Product)
class ProductAdmin(LookOnly):
    list_display = ("sku", "name", "merchant", "price", "track_stock", "is_active")
    list_select_related = ("merchant",)
    list_filter = ("merchant",)
    search_fields = ("=sku", "=ean")
    ordering = ("id",)


@admin.register(Merchant)
class MerchantAdmin(LookOnly):
    list_display = ("slug", "name", "country", "currency", "timezone", "is_active")


@admin.register(Warehouse)
class WarehouseAdmin(LookOnly):
    list_display = ("code", "name", "is_active")


@admin.register(City)
class CityAdmin(LookOnly):
    list_display = ("name", "name_ar", "region", "country", "is_active")
    list_filter = ("country",)
    search_fields = ("name", "name_ar")


@admin.register(CityAlias)
class CityAliasAdmin(LookOnly):
    list_display = ("spelling", "city", "merchant", "country")
    list_select_related = ("city", "merchant")
    search_fields = ("spelling",)


@admin.register(FoldedCount, JobFile, WorkerPulse)
class PlainAdmin(LookOnly):
    ordering = ("-id",)


@admin.register(User)
class PersonAdmin(SuperusersOnly, AccountAdmin):
    """Accounts, with the rights that Settings cannot give; a password and a role can be set as well."""

    list_display = ("username", "first_name", "last_name", "merchant", "is_superuser", "is_active")
    list_select_related = ("merchant",)
    list_filter = ("is_superuser", "is_active", "groups")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email", "language")}),
        (_("Work"), {"fields": ("merchant", "warehouse", "groups")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser")}),
    )
    filter_horizontal = ("groups",)
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False  # what a person did stays theirs

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        before = {role.name for role in form.instance.groups.all()} if change else set()
        super().save_related(request, form, formsets, change)
        after = {role.name for role in form.instance.groups.all()}
        _note(request, form, change=change, roles=(before, after))


def _note(
    request: HttpRequest, form: ModelForm[Any], *, change: bool, roles: tuple[set[str], set[str]]
) -> None:
    """The same log as Settings keep: who changed what about whom; a password only as that it was."""
    changes = []
    for name in form.changed_data:
        if name == "groups":
            changes.append(Change(str(_("roles")), ", ".join(sorted(roles[0])), ", ".join(sorted(roles[1]))))
        elif "password" in name:
            changes.append(Change(str(_("password")), "…", str(_("a new one"))))
        else:
            model_field = User._meta.get_field(name)
            initial = form.initial.get(name)
            value = form.cleaned_data.get(name)
            after = value.pk if isinstance(value, models.Model) else value
            words = str(getattr(model_field, "verbose_name", name))
            changes.append(Change(words, in_words(model_field, initial), in_words(model_field, after)))
    user = form.instance
    assert isinstance(request.user, User)  # noqa: S101 - nobody else comes here
    record_changes(
        [
            Noted(
                Subject.PERSON,
                user.pk,
                user.username,
                Verb.CHANGED if change else Verb.MADE,
                tuple(changes),
            )
        ],
        actor=Actor.of(request.user, source=SOURCE),
    )
