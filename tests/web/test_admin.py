"""Django's admin: superusers look at everything, change accounts alone, and nobody else sees a table."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client

from orders.models import Order, OrderEvent, SettingChange, StockMovement, User
from tests.personas import at_work, person
from tests.world import World, everything

pytestmark = pytest.mark.django_db
TABLES = sorted(
    (model._meta.app_label, model._meta.model_name)
    for model in admin.site._registry
    if model._meta.app_label == "orders"
)


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.mark.parametrize(("app", "table"), TABLES, ids=[table for _app, table in TABLES])
def test_every_table_opens_and_is_for_superusers(boss, app, table):
    world = World()
    world.order(status="SHIPPED")
    assert boss.get(f"/admin/{app}/{table}/").status_code == 200
    staff = at_work("admin", is_staff=True)
    assert staff.get(f"/admin/{app}/{table}/").status_code == 403
    assert at_work("manager").get(f"/admin/{app}/{table}/").status_code == 302


@pytest.mark.parametrize("model", [Order, OrderEvent, StockMovement])
def test_what_the_domain_writes_is_looked_at_and_nothing_else(boss, model):
    world = World()
    world.order(status="SHIPPED")
    row = model.objects.latest("pk")
    path = f"/admin/orders/{model._meta.model_name}/{row.pk}"
    before = everything()
    page = boss.get(f"{path}/change/")
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()
    assert boss.post(f"{path}/change/", {"status": "DELIVERED"}).status_code == 403
    assert boss.post(f"{path}/delete/", {"post": "yes"}).status_code == 403
    assert boss.get(f"/admin/orders/{model._meta.model_name}/add/").status_code == 403
    boss.post(
        f"/admin/orders/{model._meta.model_name}/",
        {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"},
    )
    assert everything() == before


def test_only_accounts_can_be_changed(boss, rf):
    request = rf.get("/admin/")
    request.user = User.objects.get(username="boss")
    changeable = [
        model._meta.model_name
        for model, model_admin in admin.site._registry.items()
        if model._meta.app_label == "orders"
        and (
            model_admin.has_change_permission(request)
            or model_admin.has_add_permission(request)
            or model_admin.has_delete_permission(request)
        )
    ]
    assert changeable == ["user"]
    assert Group not in admin.site._registry


def test_an_account_changed_here_is_told_in_the_log_and_never_deleted(boss):
    packer = person("packer")
    said = {
        "username": "packer",
        "first_name": "Omar",
        "language": "en",
        "groups": [Group.objects.get(name="viewer").pk],
        "is_active": "on",
        "is_superuser": "on",
    }
    assert boss.post(f"/admin/orders/user/{packer.pk}/change/", said).status_code == 302
    packer.refresh_from_db()
    assert packer.is_superuser
    entry = SettingChange.objects.get()
    assert (entry.subject_name, entry.verb, entry.actor_name, entry.source) == (
        "packer",
        "changed",
        "boss",
        "admin",
    )
    assert {change["field"]: (change["from"], change["to"]) for change in entry.changes} == {
        "first name": ("Packer", "Omar"),
        "roles": ("packer", "viewer"),
        "superuser status": ("no", "yes"),
    }
    assert boss.post(f"/admin/orders/user/{packer.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=packer.pk).exists()


def test_pages_of_the_admin_carry_no_script_or_style_of_their_own(boss):
    World().order(status="SHIPPED")
    for path in ("/admin/", "/admin/orders/order/", "/admin/orders/user/"):
        answer = boss.get(path)
        assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
        assert " style=" not in answer.content.decode().split("</head>")[0]
