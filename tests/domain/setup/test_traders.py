"""Merchants and warehouses: made, changed, and what rests on them protected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orders.domain.actors import Actor
from orders.domain.refusals import InvalidInput, NotAllowed, NotThere
from orders.domain.setup import traders
from orders.domain.setup.traders import MerchantDraft, WarehouseDraft
from orders.models import ActorKind, Merchant, SettingChange, Warehouse
from tests.world import World

pytestmark = pytest.mark.django_db
ADMIN = Actor(ActorKind.USER, "Admin", "dashboard", permissions=frozenset({"manageUsers"}))
CLERK = Actor(ActorKind.USER, "Clerk", "dashboard", permissions=frozenset({"manageStock"}))


@pytest.fixture
def casa() -> Warehouse:
    return Warehouse.objects.create(code="casa", name="Casablanca")


def draft(casa: Warehouse, **changed: object) -> MerchantDraft:
    return replace(MerchantDraft("sahara", "Sahara", "MA", "MAD", "Africa/Casablanca", casa.pk), **changed)


def draft_of(merchant: Merchant, **changed: object) -> MerchantDraft:
    return replace(
        MerchantDraft(
            merchant.slug,
            merchant.name,
            merchant.country,
            merchant.currency,
            merchant.timezone,
            merchant.default_warehouse_id,
            merchant.confirm_by_phone,
        ),
        **changed,
    )


def log() -> list[tuple[str, str, str]]:
    return list(SettingChange.objects.order_by("id").values_list("subject", "subject_name", "verb"))


class TestMerchants:
    def test_one_is_made_and_told(self, casa):
        merchant = traders.create_merchant(draft(casa, contact_name="  Aya  "), actor=ADMIN)
        merchant.refresh_from_db()
        assert (merchant.slug, merchant.currency, merchant.default_warehouse_id, merchant.contact_name) == (
            "sahara",
            "MAD",
            casa.pk,
            "Aya",
        )
        assert log() == [("merchant", "Sahara", "made")]

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"slug": ""}, "slug"),
            ({"slug": "Sahara"}, "slug"),
            ({"slug": "a b"}, "slug"),
            ({"slug": "-a"}, "slug"),
            ({"name": " "}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"country": "FR"}, "country"),
            ({"currency": "dirham"}, "currency"),
            ({"timezone": "Africa/Atlantis"}, "timezone"),
            ({"default_warehouse_id": 999}, "default_warehouse"),
            ({"contact_phone": "0" * 41}, "contact_phone"),
        ],
    )
    def test_what_is_wrong_is_refused_at_its_field(self, casa, wrong, field):
        with pytest.raises(InvalidInput) as refused:
            traders.create_merchant(draft(casa, **wrong), actor=ADMIN)
        assert list(refused.value.errors) == [field]
        assert not Merchant.objects.exists()
        assert log() == []

    def test_a_short_name_belongs_to_one(self, casa):
        traders.create_merchant(draft(casa), actor=ADMIN)
        with pytest.raises(InvalidInput) as refused:
            traders.create_merchant(draft(casa, name="Other"), actor=ADMIN)
        assert refused.value.errors == {"slug": ["sahara is taken already."]}
        assert Merchant.objects.count() == 1

    def test_the_change_is_kept_with_what_it_was(self):
        merchant = World().merchant
        traders.update_merchant(
            merchant.pk, draft_of(merchant, confirm_by_phone=True, slug="ignored"), actor=ADMIN
        )
        merchant.refresh_from_db()
        assert (merchant.slug, merchant.confirm_by_phone) == ("atlas", True)
        assert SettingChange.objects.get().changes == [
            {"field": "confirm by phone", "from": "no", "to": "yes"}
        ]

    def test_country_and_currency_stay_once_there_are_orders(self):
        world = World()
        traders.update_merchant(
            world.merchant.pk, draft_of(world.merchant, country="DZ", currency="DZD"), actor=ADMIN
        )
        world.merchant.refresh_from_db()
        assert world.merchant.currency == "DZD"
        world.order()
        with pytest.raises(InvalidInput) as refused:
            traders.update_merchant(
                world.merchant.pk, draft_of(world.merchant, country="MA", currency="MAD"), actor=ADMIN
            )
        assert sorted(refused.value.errors) == ["country", "currency"]
        world.merchant.refresh_from_db()
        assert world.merchant.currency == "DZD"

    def test_a_closed_warehouse_is_nobodys_default(self):
        merchant = World().merchant
        old = Warehouse.objects.create(code="old", name="Old", is_active=False)
        with pytest.raises(InvalidInput) as refused:
            traders.update_merchant(merchant.pk, draft_of(merchant, default_warehouse_id=old.pk), actor=ADMIN)
        assert list(refused.value.errors) == ["default_warehouse"]


class TestWarehouses:
    def test_one_is_made_changed_and_closed(self):
        made = traders.create_warehouse(WarehouseDraft("rabat", "Rabat", "Agdal"), actor=ADMIN)
        traders.update_warehouse(
            made.pk, WarehouseDraft("ignored", "Rabat II", "Agdal", is_active=False), actor=ADMIN
        )
        made.refresh_from_db()
        assert (made.code, made.name, made.is_active) == ("rabat", "Rabat II", False)
        assert log() == [("warehouse", "Rabat", "made"), ("warehouse", "Rabat II", "changed")]

    def test_a_code_belongs_to_one(self, casa):
        with pytest.raises(InvalidInput) as refused:
            traders.create_warehouse(WarehouseDraft("casa", "Twin"), actor=ADMIN)
        assert list(refused.value.errors) == ["code"]
        assert Warehouse.objects.count() == 1

    def test_a_default_warehouse_is_not_closed(self):
        world = World()
        said = WarehouseDraft("", "Casablanca", is_active=False)
        with pytest.raises(InvalidInput) as refused:
            traders.update_warehouse(world.warehouse.pk, said, actor=ADMIN)
        assert "Atlas" in refused.value.message
        world.warehouse.refresh_from_db()
        assert world.warehouse.is_active

    def test_a_warehouse_with_packed_units_is_not_closed(self, casa):
        world = World()
        order = world.order(status="PACKED")
        Merchant.objects.update(default_warehouse=casa)
        said = WarehouseDraft("", "Casablanca", is_active=False)
        with pytest.raises(InvalidInput) as refused:
            traders.update_warehouse(world.warehouse.pk, said, actor=ADMIN)
        assert list(refused.value.errors) == ["is_active"]
        world.walk(order, "ship")
        traders.update_warehouse(world.warehouse.pk, said, actor=ADMIN)
        world.warehouse.refresh_from_db()
        assert not world.warehouse.is_active


def test_others_than_admins_change_nothing(casa):
    merchant = World().merchant
    bound = replace(ADMIN, merchant_id=merchant.pk)
    for stranger in (CLERK, bound):
        for call in (
            lambda who=stranger: traders.create_merchant(draft(casa), actor=who),
            lambda who=stranger: traders.update_merchant(merchant.pk, draft_of(merchant), actor=who),
            lambda who=stranger: traders.create_warehouse(WarehouseDraft("x", "X"), actor=who),
            lambda who=stranger: traders.update_warehouse(casa.pk, WarehouseDraft("x", "X"), actor=who),
        ):
            with pytest.raises(NotAllowed):
                call()
    assert log() == []


def test_what_is_not_there_is_not_changed(casa):
    with pytest.raises(NotThere):
        traders.update_merchant(999_999, draft(casa), actor=ADMIN)
    with pytest.raises(NotThere):
        traders.update_warehouse(999_999, WarehouseDraft("x", "X"), actor=ADMIN)
