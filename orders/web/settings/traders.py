"""Pages of merchants and warehouses.

What may be changed once there are orders is said in orders/domain/setup/traders.py.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from orders.domain.refusals import NotThere
from orders.domain.setup import traders
from orders.domain.setup.people import check_manager
from orders.models import Merchant, SettingChange, Warehouse
from orders.web.access import actor_of, requires
from orders.web.settings.answering import answer_form, changes_of
from orders.web.settings.forms import MerchantForm, WarehouseForm
from orders.web.settings.sections import draw

READING_AND_WRITING = ("GET", "POST")


@requires("manageUsers")
def list_merchants(request: HttpRequest) -> HttpResponse:
    """Every merchant, those that take no orders last."""
    check_manager(actor_of(request))
    merchants = Merchant.objects.select_related("default_warehouse").order_by("-is_active", "name")
    return draw(request, "settings/merchants.html", "merchants", {"merchants": merchants})


@requires("manageUsers", methods=READING_AND_WRITING)
def new_merchant(request: HttpRequest) -> HttpResponse:
    """Makes a merchant."""
    actor = actor_of(request)
    check_manager(actor)
    form = MerchantForm(request.POST if request.method == "POST" else None)

    def save() -> HttpResponse:
        merchant = traders.create_merchant(form.draft(), actor=actor)
        messages.success(request, _("%(name)s is made.") % {"name": merchant.name})
        return HttpResponseRedirect(reverse("settings-merchants"))

    context = {"form": form, "title": _("New merchant"), "back_url": reverse("settings-merchants")}
    return answer_form(request, form, save, "merchants", context)


@requires("manageUsers", methods=READING_AND_WRITING)
def edit_merchant(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """Changes a merchant."""
    actor = actor_of(request)
    check_manager(actor)
    merchant = Merchant.objects.filter(pk=merchant_id).first()
    if merchant is None:
        raise NotThere(_("There is no such merchant."))
    form = MerchantForm(request.POST if request.method == "POST" else None, merchant=merchant)

    def save() -> HttpResponse:
        saved = traders.update_merchant(merchant_id, form.draft(), actor=actor)
        messages.success(request, _("%(name)s is saved.") % {"name": saved.name})
        return HttpResponseRedirect(reverse("settings-merchants"))

    context = {
        "form": form,
        "title": merchant.name,
        "lead": _("Short name: %(slug)s") % {"slug": merchant.slug},
        "back_url": reverse("settings-merchants"),
        "entries": changes_of(SettingChange.Subject.MERCHANT, merchant.pk),
    }
    return answer_form(request, form, save, "merchants", context)


@requires("manageUsers")
def list_warehouses(request: HttpRequest) -> HttpResponse:
    """Every warehouse, closed ones last."""
    check_manager(actor_of(request))
    warehouses = Warehouse.objects.order_by("-is_active", "name")
    return draw(request, "settings/warehouses.html", "warehouses", {"warehouses": warehouses})


@requires("manageUsers", methods=READING_AND_WRITING)
def new_warehouse(request: HttpRequest) -> HttpResponse:
    """Makes a warehouse."""
    actor = actor_of(request)
    check_manager(actor)
    form = WarehouseForm(request.POST if request.method == "POST" else None)

    def save() -> HttpResponse:
        warehouse = traders.create_warehouse(form.draft(), actor=actor)
        messages.success(request, _("%(name)s is made.") % {"name": warehouse.name})
        return HttpResponseRedirect(reverse("settings-warehouses"))

    context = {"form": form, "title": _("New warehouse"), "back_url": reverse("settings-warehouses")}
    return answer_form(request, form, save, "warehouses", context)


@requires("manageUsers", methods=READING_AND_WRITING)
def edit_warehouse(request: HttpRequest, warehouse_id: int) -> HttpResponse:
    """Changes a warehouse, or closes it."""
    actor = actor_of(request)
    check_manager(actor)
    warehouse = Warehouse.objects.filter(pk=warehouse_id).first()
    if warehouse is None:
        raise NotThere(_("There is no such warehouse."))
    form = WarehouseForm(request.POST if request.method == "POST" else None, warehouse=warehouse)

    def save() -> HttpResponse:
        saved = traders.update_warehouse(warehouse_id, form.draft(), actor=actor)
        messages.success(request, _("%(name)s is saved.") % {"name": saved.name})
        return HttpResponseRedirect(reverse("settings-warehouses"))

    context = {
        "form": form,
        "title": warehouse.name,
        "lead": _("Code: %(code)s") % {"code": warehouse.code},
        "back_url": reverse("settings-warehouses"),
        "entries": changes_of(SettingChange.Subject.WAREHOUSE, warehouse.pk),
    }
    return answer_form(request, form, save, "warehouses", context)
