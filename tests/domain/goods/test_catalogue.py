"""Products made and changed: one at a time with every rule, and many at once."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from orders.domain.actors import Actor
from orders.domain.goods.catalogue import (
    ProductDraft,
    clean_draft,
    create_product,
    ean_problem,
    edition,
    save_products,
    switch_problems,
    update_product,
)
from orders.domain.refusals import InvalidInput, Locked, NotAllowed, NotThere, StaleVersion
from orders.models import ActorKind, Order, Product, SettingChange
from tests.world import World

CLERK = Actor(ActorKind.USER, "Salma", "dashboard", permissions=frozenset({"manageStock"}))
PACKER = Actor(ActorKind.USER, "Omar", "dashboard", permissions=frozenset({"view_order"}))
TEAPOT = ProductDraft("TEA-01", "Théière dorée", Decimal("129.90"), "4006381333931")


@pytest.fixture
def world(db) -> World:
    return World()


def changes() -> list[tuple[str, str, list[dict[str, str]]]]:
    return list(SettingChange.objects.order_by("id").values_list("subject_name", "verb", "changes"))


class TestMaking:
    def test_a_product_is_kept_with_its_search_name_and_the_log_says_who_made_it(self, world):
        product = create_product(
            replace(TEAPOT, sku=" TEA-01 ", name="  Théière   dorée"),
            merchant_id=world.merchant.pk,
            actor=CLERK,
        )
        product.refresh_from_db()
        assert (product.sku, product.name, product.search_name) == (
            "TEA-01",
            "Théière dorée",
            "theiere doree",
        )
        assert (product.price, product.ean) == (Decimal("129.90"), "4006381333931")
        assert (product.track_stock, product.is_active) == (True, True)
        entry = SettingChange.objects.get()
        assert (entry.subject, entry.subject_id, entry.verb) == ("product", product.pk, "made")
        assert (entry.actor_name, entry.source, entry.merchant_id) == (
            "Salma",
            "dashboard",
            world.merchant.pk,
        )

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"sku": ""}, "sku"),
            ({"sku": "   "}, "sku"),
            ({"sku": "S" * 65}, "sku"),
            ({"sku": "A\x00B"}, "sku"),
            ({"name": ""}, "name"),
            ({"name": "N" * 201}, "name"),
            ({"price": Decimal("-0.01")}, "price"),
            ({"price": Decimal("1.005")}, "price"),
            ({"price": Decimal("NaN")}, "price"),
            ({"price": Decimal(10) ** 14}, "price"),
            ({"ean": "4006381333932"}, "ean"),
            ({"ean": "123"}, "ean"),
        ],
    )
    def test_what_is_wrong_is_refused_at_its_field_and_nothing_is_kept(self, world, wrong, field):
        with pytest.raises(InvalidInput) as refused:
            create_product(replace(TEAPOT, **wrong), merchant_id=world.merchant.pk, actor=CLERK)
        assert list(refused.value.errors) == [field]
        assert not Product.objects.exists()
        assert not SettingChange.objects.exists()

    def test_a_price_of_nothing_and_sixty_four_signs_of_sku_are_fine(self, world):
        draft = replace(TEAPOT, sku="S" * 64, price=Decimal(0))
        assert create_product(draft, merchant_id=world.merchant.pk, actor=CLERK).price == 0

    def test_a_sku_belongs_to_one_product_of_a_merchant(self, world):
        create_product(TEAPOT, merchant_id=world.merchant.pk, actor=CLERK)
        with pytest.raises(InvalidInput) as refused:
            create_product(replace(TEAPOT, ean=""), merchant_id=world.merchant.pk, actor=CLERK)
        assert refused.value.errors == {
            "sku": ["TEA-01 is another product's SKU already. Change that one, or choose another SKU."]
        }
        other = World(slug="casbah")
        create_product(TEAPOT, merchant_id=other.merchant.pk, actor=CLERK)
        assert Product.objects.filter(sku="TEA-01").count() == 2

    def test_an_ean_belongs_to_one_product_of_a_merchant(self, world):
        create_product(TEAPOT, merchant_id=world.merchant.pk, actor=CLERK)
        with pytest.raises(InvalidInput) as refused:
            create_product(replace(TEAPOT, sku="TEA-02"), merchant_id=world.merchant.pk, actor=CLERK)
        assert refused.value.errors == {"ean": ["This is the EAN of TEA-01 already."]}

    def test_a_rival_that_takes_the_sku_first_leaves_a_plain_refusal(self, world, monkeypatch):
        create_product(TEAPOT, merchant_id=world.merchant.pk, actor=CLERK)
        monkeypatch.setattr("orders.domain.goods.catalogue._taken", lambda *_args, **_facts: {})
        with pytest.raises(InvalidInput) as refused:
            create_product(TEAPOT, merchant_id=world.merchant.pk, actor=CLERK)
        assert list(refused.value.errors) == ["sku"]
        assert Product.objects.count() == 1

    def test_another_merchant_is_unknown_to_a_seller(self, world):
        other = World(slug="casbah")
        seller = replace(CLERK, merchant_id=world.merchant.pk)
        with pytest.raises(InvalidInput) as refused:
            create_product(TEAPOT, merchant_id=other.merchant.pk, actor=seller)
        assert list(refused.value.errors) == ["merchant"]
        with pytest.raises(InvalidInput):
            create_product(TEAPOT, merchant_id=999_999, actor=CLERK)
        assert not Product.objects.exists()

    def test_a_person_without_the_right_is_refused(self, world):
        product = world.product("MUG")
        with pytest.raises(NotAllowed):
            create_product(TEAPOT, merchant_id=world.merchant.pk, actor=PACKER)
        with pytest.raises(NotAllowed):
            update_product(product.pk, TEAPOT, actor=PACKER)
        with pytest.raises(NotAllowed):
            save_products([TEAPOT], merchant_id=world.merchant.pk, actor=PACKER)
        assert list(Product.objects.values_list("sku", flat=True)) == ["MUG"]


@pytest.mark.parametrize(
    ("ean", "fits"),
    [
        ("", True),
        ("4006381333931", True),
        ("96385074", True),
        ("036000291452", True),
        ("10012345678902", True),
        ("4006381333930", False),
        ("400638133393", False),
        ("abcdefgh", False),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", False),
        ("2000000000008", False),
    ],
)
def test_an_eans_last_digit_has_to_fit_and_ours_are_no_products(ean, fits):
    assert (ean_problem(ean) == "") is fits


def test_a_draft_is_put_in_order_without_a_database():
    draft, errors = clean_draft(replace(TEAPOT, ean="400-638 1333931", name="a\tb\n c"))
    assert (draft.ean, draft.name, errors) == ("4006381333931", "a b c", {})


class TestChanging:
    def test_the_log_says_what_it_was_and_what_it_is(self, world):
        product = create_product(TEAPOT, merchant_id=world.merchant.pk, actor=CLERK)
        update_product(
            product.pk,
            replace(TEAPOT, price=Decimal("99.00"), is_active=False),
            actor=CLERK,
            seen=edition(product),
        )
        product.refresh_from_db()
        assert (product.price, product.is_active) == (Decimal("99.00"), False)
        assert changes()[-1] == (
            "TEA-01 Théière dorée",
            "changed",
            [
                {"field": "price", "from": "129.90", "to": "99.00"},
                {"field": "active", "from": "yes", "to": "no"},
            ],
        )

    def test_a_new_name_is_found_by_the_search(self, world):
        product = create_product(TEAPOT, merchant_id=world.merchant.pk, actor=CLERK)
        update_product(product.pk, replace(TEAPOT, name="Plateau"), actor=CLERK)
        product.refresh_from_db()
        assert product.search_name == "plateau"

    def test_nothing_changed_writes_nothing(self, world):
        product = create_product(TEAPOT, merchant_id=world.merchant.pk, actor=CLERK)
        before = Product.objects.values().get()
        update_product(product.pk, TEAPOT, actor=CLERK, seen=edition(product))
        assert Product.objects.values().get() == before
        assert len(changes()) == 1

    def test_a_page_that_is_too_old_is_refused_with_the_newer_values(self, world):
        product = create_product(TEAPOT, merchant_id=world.merchant.pk, actor=CLERK)
        seen = edition(product)
        update_product(product.pk, replace(TEAPOT, price=Decimal(1)), actor=CLERK, seen=seen)
        with pytest.raises(StaleVersion) as refused:
            update_product(product.pk, replace(TEAPOT, price=Decimal(2)), actor=CLERK, seen=seen)
        assert refused.value.current["price"] == "1.00"
        assert Product.objects.get().price == Decimal(1)

    def test_another_merchants_product_is_not_there(self, world):
        lamp = World(slug="casbah").product("LAMP")
        seller = replace(CLERK, merchant_id=world.merchant.pk)
        with pytest.raises(NotThere):
            update_product(lamp.pk, TEAPOT, actor=seller)
        with pytest.raises(NotThere):
            update_product(999_999, TEAPOT, actor=CLERK)
        lamp.refresh_from_db()
        assert lamp.sku == "LAMP"

    @pytest.mark.parametrize("tracked", [True, False])
    def test_counting_is_not_switched_while_orders_hold_units(self, world, tracked):
        mug = world.product("MUG", units=10 if tracked else 0, track_stock=tracked)
        order = world.order([("MUG", 2)], status="PACKED")
        draft = ProductDraft("MUG", "Mug", Decimal(50), track_stock=not tracked)
        with pytest.raises(InvalidInput) as refused:
            update_product(mug.pk, draft, actor=CLERK)
        words = (
            f"Orders hold units of this product on a shelf ({order.reference})."
            " Ship or cancel them first, then switch it."
        )
        assert refused.value.errors == {"track_stock": [words]}
        mug.refresh_from_db()
        assert mug.track_stock is tracked
        world.walk(order, "ship")
        update_product(mug.pk, draft, actor=CLERK)
        mug.refresh_from_db()
        assert mug.track_stock is not tracked

    def test_other_fields_change_while_orders_hold_units(self, world):
        mug = world.product("MUG")
        world.order([("MUG", 2)], status="PACKED")
        update_product(mug.pk, ProductDraft("MUG", "Big mug", Decimal(60)), actor=CLERK)
        mug.refresh_from_db()
        assert mug.name == "Big mug"


class TestManyAtOnce:
    def drafts(self, count: int) -> list[ProductDraft]:
        return [ProductDraft(f"P{number:04d}", f"Product {number}", Decimal(5)) for number in range(count)]

    def save(self, world: World, drafts: list[ProductDraft], **said: object):
        with transaction.atomic():
            return save_products(drafts, merchant_id=world.merchant.pk, actor=CLERK, **said)

    def test_new_ones_are_made_and_known_ones_changed(self, world):
        mug = world.product("MUG")
        saved = self.save(
            world,
            [
                ProductDraft("CUP", "Tasse à café", Decimal("12.50")),
                ProductDraft("MUG", "Mug", Decimal(55)),
            ],
        )
        assert (saved.made, saved.changed, saved.unchanged) == (1, 1, 0)
        cup = Product.objects.get(sku="CUP")
        assert saved.ids == {"CUP": cup.pk, "MUG": mug.pk}
        assert (cup.name, cup.search_name, cup.price, cup.track_stock, cup.is_active) == (
            "Tasse à café",
            "tasse a cafe",
            Decimal("12.50"),
            True,
            True,
        )
        mug.refresh_from_db()
        assert mug.price == Decimal(55)
        assert [name for name, _verb, _changes in changes()] == ["1 made, 1 changed from a file"]

    def test_only_the_columns_a_file_has_are_changed(self, world):
        Product.objects.filter(pk=world.product("MUG").pk).update(name="Mug", ean="96385074")
        self.save(world, [ProductDraft("MUG", "MUG", Decimal(60))], given={"price"})
        mug = Product.objects.get(sku="MUG")
        assert (mug.name, mug.price, mug.ean) == ("Mug", Decimal(60), "96385074")

    def test_the_same_file_again_changes_nothing(self, world):
        drafts = self.drafts(3)
        self.save(world, drafts)
        before = list(Product.objects.order_by("pk").values())
        saved = self.save(world, drafts)
        assert (saved.made, saved.changed, saved.unchanged) == (0, 0, 3)
        assert list(Product.objects.order_by("pk").values()) == before

    def test_another_merchants_product_of_the_same_sku_is_left_alone(self, world):
        lamp = World(slug="casbah").product("LAMP")
        self.save(world, [ProductDraft("LAMP", "Lampe", Decimal(9))])
        lamp.refresh_from_db()
        assert (lamp.name, lamp.price) == ("Lamp", Decimal(50))
        assert Product.objects.filter(sku="LAMP").count() == 2

    def test_a_switch_that_orders_stand_against_stops_the_file(self, world):
        mug = world.product("MUG")
        world.order([("MUG", 1)], status="PACKED")
        assert switch_problems([mug.pk]) == {mug.pk}
        with pytest.raises(InvalidInput):
            self.save(
                world,
                [
                    ProductDraft("NEW", "New", Decimal(1)),
                    ProductDraft("MUG", "Mug", Decimal(50), track_stock=False),
                ],
            )
        assert not Product.objects.filter(sku="NEW").exists()
        mug.refresh_from_db()
        assert mug.track_stock is True

    @pytest.mark.parametrize("count", [1, 60])
    def test_statements_do_not_grow_with_the_file(self, world, count):
        self.save(world, self.drafts(count // 2))
        drafts = [replace(draft, price=Decimal(7)) for draft in self.drafts(count)]
        with CaptureQueriesContext(connection) as captured:
            self.save(world, drafts)
        told = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
        # what is there, new ones, changed ones, ids, the log
        assert len(told) <= 5


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_switch_waits_for_orders_that_are_being_moved_and_gives_way_in_the_end():
    world = World()
    mug, order = world.product("MUG"), world.order([("MUG", 1)])
    moving, looked = threading.Event(), threading.Event()

    def move() -> None:
        with transaction.atomic():
            Order.objects.filter(pk=order.pk).update(notes="being moved")
            moving.set()
            looked.wait(20)
        connection.close()

    rival = threading.Thread(target=move)
    rival.start()
    moving.wait(20)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    try:
        with pytest.raises(Locked):
            update_product(mug.pk, ProductDraft("MUG", "Mug", Decimal(50), track_stock=False), actor=CLERK)
    finally:
        looked.set()
        rival.join(20)
        connection.close()
    mug.refresh_from_db()
    assert mug.track_stock is True
    update_product(mug.pk, ProductDraft("MUG", "Mug", Decimal(50), track_stock=False), actor=CLERK)
    mug.refresh_from_db()
    assert mug.track_stock is False
