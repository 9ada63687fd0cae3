"""Orders coming in: every error with its path, one write, and nothing at all when anything is wrong."""

from __future__ import annotations

import csv
import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from orders.domain.actors import Actor
from orders.domain.geography.gazetteer import load_places
from orders.domain.incoming import intake
from orders.domain.incoming.intake import (
    DASHBOARD,
    IMPORT,
    V1,
    WEB,
    LineDraft,
    OrderDraft,
    OrdersRefused,
    Rules,
    Suspect,
    check_orders,
    create_orders,
    find_probable_duplicates,
    looks_like_ours,
)
from orders.domain.refusals import InvalidInput, NotThere
from orders.models import City, Merchant, Order, OrderEvent, OrderLine, Product, User, Warehouse
from tests.world import SYSTEM, World, everything

DATA = Path(__file__).resolve().parents[2] / "data"
AT = dt.datetime(2026, 11, 3, 23, 30, tzinfo=dt.UTC)  # already the 4th in Casablanca

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    world = World()
    world.product("MUG")
    world.product("TEA")
    City.objects.create(country="MA", region="Casablanca-Settat", name="Casablanca", key="casablanca")
    return world


MUG = LineDraft(sku="MUG", quantity=2, price="50")


def draft(**facts: Any) -> OrderDraft:
    given: dict[str, Any] = {
        "full_name": "Karim Mansouri",
        "phone": "0661234567",
        "city": "CASABLANCA",
        "address": "123 Bd Mohammed V",
        "is_fees_paid_by_customer": True,
        "total": "100",
        "lines": (MUG,),
    }
    return OrderDraft(**given | facts)


def take_in(world: World, *drafts: OrderDraft, **said: Any) -> list[Order]:
    made = create_orders(drafts, merchant=world.merchant, actor=said.pop("actor", SYSTEM), **said)
    by_id = Order.objects.in_bulk([order.id for order in made])
    return [by_id[order.id] for order in made]


def problems(world: World, *drafts: OrderDraft, rules: Rules = DASHBOARD) -> list[tuple[str, str]]:
    """(path, code) of everything that is wrong; and nothing may have been written."""
    before = everything()
    with pytest.raises(OrdersRefused) as refusal:
        create_orders(drafts, merchant=world.merchant, actor=SYSTEM, rules=rules)
    assert everything() == before
    assert all(problem.message and problem.remedy for problem in refusal.value.problems)
    return [(problem.path, problem.code) for problem in refusal.value.problems]


# --- what is made -----------------------------------------------------------------------


def test_an_order_comes_in_whole(world: World) -> None:
    salma = world.person()
    (order,) = take_in(
        world,
        draft(
            full_name="  Karim   MANSOURI ",
            second_phone="06 10 00 79 19",
            email="karim@example.com",
            area="Maarif",
            notes="Ring twice\r\nThen wait",
            external_reference=" SHOP-1 ",
            shipment_way="3",
            is_fees_paid_by_customer=False,
            total="90",
            lines=(MUG, LineDraft(sku="TEA", quantity="3", price="2.5")),
        ),
        actor=Actor.of(salma, source="dashboard", station="bench-1"),
        at=AT,
    )
    assert order.reference == f"ORD-{order.pk:06d}"
    assert (order.merchant, order.warehouse) == (world.merchant, world.warehouse)
    assert (order.status, order.tab, order.cycle, order.version) == ("NEW", "NEW", 1, 1)
    assert (order.call_center, order.payment_status, order.payment_method) == ("confirmed", "awaiting", "cod")
    assert (order.currency, order.total, order.prepaid, order.amount_due) == ("MAD", 90, 0, 90)
    assert order.amount_collected == 0
    assert (order.full_name, order.search_name) == ("Karim MANSOURI", "karim mansouri")
    assert (order.phone, order.phone_e164, order.phone_reversed) == (
        "0661234567",
        "+212661234567",
        "765432166212",
    )
    assert (order.second_phone, order.second_phone_reversed) == ("06 10 00 79 19", "919700016212")
    assert (order.email, order.area, order.notes) == ("karim@example.com", "Maarif", "Ring twice\nThen wait")
    assert (order.country, order.city, order.city_place) == ("MA", "CASABLANCA", City.objects.get())
    assert (order.external_reference, order.shipment_way) == ("SHOP-1", 3)
    assert order.is_fees_paid_by_customer is False
    assert (order.source, order.created_by) == ("dashboard", salma)
    assert order.created_at == order.updated_at == order.status_changed_at == AT
    assert order.deleted_at is order.packed_at is order.reserved_warehouse is order.pushed_at is None
    assert order.postponed_to is None

    lines = list(order.lines.order_by("position"))
    assert [
        (
            line.cycle,
            line.position,
            line.sku,
            line.name,
            line.quantity,
            line.unit_price,
            line.total,
            line.owed,
        )
        for line in lines
    ] == [(1, 1, "MUG", "Mug", 2, 50, 100, 0), (1, 2, "TEA", "Tea", 3, Decimal("2.50"), Decimal("7.50"), 0)]
    assert [line.product.sku for line in lines if line.product] == ["MUG", "TEA"]

    event = OrderEvent.objects.get()
    assert (event.order, event.cycle, event.type, event.action) == (order, 1, "shipping", "create")
    assert (event.from_status, event.to_status, event.remembered_status) == ("", "NEW", "")
    assert (event.before, event.details, event.message, event.reverses) == ({}, {}, "", None)
    assert (event.actor_kind, event.user, event.actor_name) == ("user", salma, "Salma")
    assert (event.source, event.station, event.recorded_at) == ("dashboard", "bench-1", AT)
    assert event.occurred_on == dt.date(2026, 11, 4)  # the merchant's day


def test_what_is_left_out_is_filled_in(world: World) -> None:
    (order,) = take_in(
        world,
        OrderDraft(
            full_name="Karim",
            phone="0661234567",
            city="Casablanca",
            address="Bd Mohammed V",
            lines=(LineDraft(sku="MUG", quantity=2), LineDraft(sku="TEA", quantity=1)),
        ),
    )
    assert (order.total, order.amount_due) == (150, 150)
    assert (order.external_reference, order.shipment_way) == (None, None)
    assert order.is_fees_paid_by_customer is True
    assert (order.second_phone, order.second_phone_reversed, order.email, order.area, order.notes) == (
        "",
        "",
        "",
        "",
        "",
    )


def test_the_answer_keeps_the_order_of_the_drafts(world: World) -> None:
    made = create_orders(
        [draft(external_reference=f"A-{number}") for number in range(5)],
        merchant=world.merchant,
        actor=SYSTEM,
    )
    assert [(order.index, order.external_reference) for order in made] == [
        (number, f"A-{number}") for number in range(5)
    ]
    assert [order.id for order in made] == sorted(order.id for order in made)
    assert [order.reference for order in made] == [f"ORD-{order.id:06d}" for order in made]
    for order in made:
        assert Order.objects.get(pk=order.id).external_reference == order.external_reference


def test_the_total_need_not_equal_the_lines(world: World) -> None:
    (order,) = take_in(world, draft(total="80"))
    assert order.total == 80
    assert [line.total for line in order.lines.all()] == [100]


def test_a_product_on_two_lines_stays_on_two_lines(world: World) -> None:
    (order,) = take_in(world, draft(lines=(MUG, replace(MUG, quantity=1))))
    assert [(line.sku, line.quantity) for line in order.lines.order_by("position")] == [
        ("MUG", 2),
        ("MUG", 1),
    ]


def test_products_are_named_by_sku_or_by_id(world: World) -> None:
    tea = Product.objects.get(sku="TEA")
    (order,) = take_in(
        world, draft(lines=(LineDraft(product_id=tea.pk, quantity=1), LineDraft(sku=" MUG ", quantity=1)))
    )
    assert [line.sku for line in order.lines.order_by("position")] == ["TEA", "MUG"]


def test_orders_wait_for_the_call_centre_where_the_merchant_wants_it(world: World) -> None:
    Merchant.objects.update(confirm_by_phone=True)
    world.merchant.refresh_from_db()
    pending, confirmed = take_in(world, draft(), draft(call_center="confirmed"))
    assert (pending.call_center, confirmed.call_center) == ("pending", "confirmed")


@pytest.mark.parametrize("method", ["card", "transfer", "other"])
def test_what_is_paid_ahead_comes_in_as_collected(world: World, method: str) -> None:
    (order,) = take_in(world, draft(payment_method=method))
    assert (order.payment_status, order.prepaid, order.amount_due) == ("collected", 100, 0)
    assert order.amount_collected == 0  # no courier collected it


def test_a_part_may_be_paid_ahead(world: World) -> None:
    (order,) = take_in(world, draft(prepaid="30.50"))
    assert (order.total, order.prepaid, order.amount_due) == (100, Decimal("30.50"), Decimal("69.50"))
    assert order.payment_status == "awaiting"


def test_another_warehouse_may_be_named(world: World) -> None:
    tangier = Warehouse.objects.create(code="tangier", name="Tangier")
    (order,) = take_in(world, draft(warehouse_id=tangier.pk))
    assert order.warehouse == tangier


def test_an_unknown_city_joins_the_queue(world: World) -> None:
    (order,) = take_in(world, draft(city="Nowhere"))
    assert (order.city, order.city_place) == ("Nowhere", None)


def test_a_number_nobody_can_dial_is_kept_as_typed(world: World) -> None:
    (order,) = take_in(world, draft(phone="ask the neighbour 12 34"))
    assert (order.phone, order.phone_e164, order.phone_reversed) == ("ask the neighbour 12 34", "", "4321")


def test_digits_of_other_scripts_count(world: World) -> None:
    (order,) = take_in(
        world,
        draft(phone="٠٦٦١٢٣٤٥٦٧", total="٣٩٩", lines=(LineDraft(sku="MUG", quantity="٣", price="٥٠٫٥"),)),
    )
    line = order.lines.get()
    assert (order.phone, order.phone_e164, order.total) == ("٠٦٦١٢٣٤٥٦٧", "+212661234567", 399)
    assert (line.quantity, line.unit_price, line.total) == (3, Decimal("50.50"), Decimal("151.50"))


@pytest.mark.parametrize(
    "text",
    [
        "محمد الإدريسي",
        "a\tb",
        "<script>alert(1)</script>",
        r"\N",
        "%s",
        "{}",
        "=1+1",
        "O'Brien",
        "\U0001f468\u200d\U0001f469",
    ],
)
def test_every_text_arrives_as_it_was(world: World, text: str) -> None:
    (order,) = take_in(world, draft(full_name=text, address=text, notes=text))
    shown = text.replace("\t", " ")
    assert (order.full_name, order.address, order.notes) == (shown, shown, shown)


def test_the_longest_of_everything_fits(world: World) -> None:
    product = world.product("S" * 64)
    (order,) = take_in(
        world,
        draft(
            full_name="ﷺ" * 100,
            phone="9" * 100,
            second_phone="9" * 100,
            email=f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.com",
            city="é" * 100,
            area="x" * 100,
            address="y" * 1000,
            notes="z" * 1000,
            external_reference="r" * 100,
            total="99999999999.99",
            lines=(
                LineDraft(sku=product.sku, quantity=1000, price="99999999.99"),
                LineDraft(sku=product.sku, quantity=999_999, price="0.01"),
            ),
        ),
    )
    assert (len(order.full_name), len(order.search_name)) == (100, 100)
    assert order.total == Decimal("99999999999.99")
    assert [line.total for line in order.lines.order_by("position")] == [
        Decimal("99999999990.00"),
        Decimal("9999.99"),
    ]


# --- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "path", "code"),
    [
        ({"full_name": ""}, "full_name", "required"),
        ({"full_name": None}, "full_name", "required"),
        ({"full_name": "\u200b\ufeff"}, "full_name", "required"),
        ({"full_name": "x" * 101}, "full_name", "too_long"),
        ({"full_name": "x" * 50_000}, "full_name", "too_long"),
        ({"full_name": "x" + " " * 400}, "full_name", "too_long"),  # not worth cleaning any more
        ({"full_name": "a\x00b"}, "full_name", "unusable"),
        ({"full_name": "\ud800"}, "full_name", "unusable"),
        ({"full_name": ["Karim"]}, "full_name", "not_text"),
        ({"full_name": True}, "full_name", "not_text"),
        ({"phone": " "}, "phone", "required"),
        ({"phone": "1" * 101}, "phone", "too_long"),
        ({"second_phone": "1" * 101}, "second_phone", "too_long"),
        ({"email": "karim"}, "email", "not_an_email"),
        ({"email": "a" * 250 + "@b.ma"}, "email", "too_long"),
        ({"country": "Morocco"}, "country", "not_a_country"),
        ({"country": 1}, "country", "not_a_country"),
        ({"city": None}, "city", "required"),
        ({"city": "x" * 101}, "city", "too_long"),
        ({"area": "x" * 101}, "area", "too_long"),
        ({"address": "\t\n"}, "address", "required"),
        ({"address": "x" * 1001}, "address", "too_long"),
        ({"notes": "x" * 1001}, "notes", "too_long"),
        ({"external_reference": "x" * 101}, "external_reference", "too_long"),
        ({"external_reference": "ORD-000837"}, "external_reference", "looks_like_ours"),
        ({"external_reference": "ord-1-2"}, "external_reference", "looks_like_ours"),
        ({"shipment_way": "express"}, "shipment_way", "not_a_number"),
        ({"shipment_way": -1}, "shipment_way", "not_a_number"),
        ({"shipment_way": 40_000}, "shipment_way", "not_a_number"),
        ({"is_fees_paid_by_customer": "yes"}, "is_fees_paid_by_customer", "not_yes_or_no"),
        ({"payment_method": "gold"}, "payment_method", "unknown_word"),
        ({"payment_status": "paid"}, "payment_status", "unknown_word"),
        ({"call_center": ["confirmed"]}, "call_center", "unknown_word"),
        ({"warehouse_id": 999_999}, "warehouse_id", "unknown_warehouse"),
        ({"warehouse_id": "x"}, "warehouse_id", "unknown_warehouse"),
        ({"total": "-1"}, "total", "below_minimum"),
        ({"total": "-0"}, "total", "below_minimum"),
        ({"total": "1e308"}, "total", "not_an_amount"),
        ({"total": "1_000"}, "total", "not_an_amount"),
        ({"total": "NaN"}, "total", "not_an_amount"),
        ({"total": float("inf")}, "total", "not_an_amount"),
        ({"total": Decimal("1E+999999")}, "total", "not_an_amount"),
        ({"total": "99.999"}, "total", "not_an_amount"),
        ({"total": True}, "total", "not_an_amount"),
        ({"total": "100000000000"}, "total", "above_maximum"),
        ({"prepaid": "100.01"}, "prepaid", "above_maximum"),
        ({"prepaid": "-1"}, "prepaid", "below_minimum"),
        ({"lines": ()}, "products", "required"),
        ({"lines": (MUG,) * 101}, "products", "too_many"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_field_is_refused_by_its_path(
    world: World, facts: dict[str, Any], path: str, code: str
) -> None:
    assert problems(world, draft(**facts)) == [(f"orders.0.{path}", code)]


@pytest.mark.parametrize(
    ("facts", "path", "code"),
    [
        ({"sku": "CUP"}, "sku", "unknown_sku"),
        ({"sku": "mug"}, "sku", "unknown_sku"),
        ({"sku": None}, "sku", "required"),
        ({"sku": "x" * 65}, "sku", "too_long"),
        ({"sku": "M\x00G"}, "sku", "unusable"),
        ({"sku": None, "product_id": 999_999}, "id", "unknown_product"),
        ({"sku": None, "product_id": "x"}, "id", "unknown_product"),
        ({"quantity": 0}, "quantity", "below_minimum"),
        ({"quantity": "-3"}, "quantity", "below_minimum"),
        ({"quantity": 1_000_000}, "quantity", "above_maximum"),
        ({"quantity": "1.5"}, "quantity", "not_a_whole_number"),
        ({"quantity": "two"}, "quantity", "not_a_whole_number"),
        ({"quantity": True}, "quantity", "not_a_whole_number"),
        ({"quantity": None}, "quantity", "required"),
        ({"price": "-0.01"}, "price", "below_minimum"),
        ({"price": "abc"}, "price", "not_an_amount"),
        ({"price": "100000000"}, "price", "above_maximum"),
        ({"price": "99999999.99", "quantity": 999_999}, "quantity", "above_maximum"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_line_is_refused_by_its_path(
    world: World, facts: dict[str, Any], path: str, code: str
) -> None:
    assert problems(world, draft(lines=(MUG, replace(MUG, **facts)))) == [
        (f"orders.0.products.1.{path}", code)
    ]


def test_a_product_that_is_not_sold_any_more_is_refused(world: World) -> None:
    Product.objects.filter(sku="MUG").update(is_active=False)
    assert problems(world, draft()) == [("orders.0.products.0.sku", "inactive_product")]


def test_another_merchants_product_is_unknown(world: World) -> None:
    theirs = World(slug="other").product("SOAP")
    assert problems(world, draft(lines=(LineDraft(sku="SOAP", quantity=1),))) == [
        ("orders.0.products.0.sku", "unknown_sku")
    ]
    assert problems(world, draft(lines=(LineDraft(product_id=theirs.pk, quantity=1),))) == [
        ("orders.0.products.0.id", "unknown_product")
    ]


def test_every_error_of_every_order_is_named_in_one_go(world: World) -> None:
    assert problems(
        world,
        draft(),
        draft(full_name="", phone="", total="x", lines=(replace(MUG, sku="CUP", quantity=0, price=-1),)),
        draft(lines=(MUG, replace(MUG, quantity="x"))),
    ) == [
        ("orders.1.full_name", "required"),
        ("orders.1.phone", "required"),
        ("orders.1.products.0.sku", "unknown_sku"),
        ("orders.1.products.0.quantity", "below_minimum"),
        ("orders.1.products.0.price", "below_minimum"),
        ("orders.1.total", "not_an_amount"),
        ("orders.2.products.1.quantity", "not_a_whole_number"),
    ]


def test_the_words_say_what_where_and_what_next(world: World) -> None:
    with pytest.raises(InvalidInput) as refusal:
        take_in(world, draft(), draft(lines=(replace(MUG, sku="CUP"),)))
    assert refusal.value.errors == {
        "orders.1.products.0.sku": [
            "Atlas has no product with the SKU “CUP”. Check the spelling, or add the product under Products."
        ]
    }


def test_one_bad_order_in_a_thousand_leaves_no_trace(world: World) -> None:
    last = take_in(world, draft())[0].pk
    assert problems(world, *[draft()] * 999, draft(phone="")) == [("orders.999.phone", "required")]
    assert take_in(world, draft())[0].pk == last + 1  # not even a number was used up


def test_an_empty_call_and_one_too_large_are_refused(world: World) -> None:
    for drafts in ([], [draft()] * 1001):
        with pytest.raises(InvalidInput) as refusal:
            take_in(world, *drafts)
        assert list(refusal.value.errors) == ["orders"]
    assert not Order.objects.exists()


def test_a_merchant_that_was_closed_takes_no_orders(world: World) -> None:
    world.merchant.is_active = False
    with pytest.raises(InvalidInput) as refusal:
        take_in(world, draft())
    assert list(refusal.value.errors) == ["merchant"]
    assert not Order.objects.exists()


def test_nobody_makes_orders_for_another_merchant(world: World) -> None:
    seller = User.objects.create_user(username="seller", merchant=World(slug="other").merchant)
    with pytest.raises(NotThere):
        take_in(world, draft(), actor=Actor.of(seller, source="dashboard"))
    assert not Order.objects.exists()


# --- the doors' own rules -------------------------------------------------------------------


def test_prices_and_totals_start_at_nothing_in_a_file_and_at_one_through_the_web_dialect(
    world: World,
) -> None:
    free = draft(total=0, lines=(replace(MUG, price=0),))
    assert problems(world, free, rules=WEB) == [
        ("orders.0.products.0.price", "below_minimum"),
        ("orders.0.total", "below_minimum"),
    ]
    (order,) = take_in(world, free, rules=IMPORT)
    assert (order.total, order.lines.get().unit_price) == (0, 0)


def test_the_web_dialect_asks_for_more(world: World) -> None:
    bare = draft(total=None, is_fees_paid_by_customer=None, lines=(replace(MUG, price=None),))
    assert problems(world, bare, rules=WEB) == [
        ("orders.0.is_fees_paid_by_customer", "required"),
        ("orders.0.products.0.price", "required"),
        ("orders.0.total", "required"),
    ]
    assert problems(world, draft(lines=(MUG,) * 11), rules=WEB) == [("orders.0.products", "too_many")]
    assert problems(world, draft(total=1_000_000), rules=WEB) == [("orders.0.total", "above_maximum")]
    assert len(take_in(world, draft(total=999_999, lines=(MUG,) * 10), rules=WEB)) == 1


def test_a_computed_total_is_held_to_the_same_limits(world: World) -> None:
    dear = LineDraft(sku="MUG", quantity=1000, price="99999999.99")
    assert problems(world, draft(total=None, lines=(dear, dear))) == [("orders.0.total", "above_maximum")]


def test_v1_takes_known_cities_only(world: World) -> None:
    assert problems(world, draft(city="Nowhere"), rules=V1) == [("orders.0.city", "unknown_city")]
    assert len(take_in(world, draft(city="Casablanca"), rules=V1)) == 1


def test_a_door_may_keep_products_nobody_knows(world: World) -> None:
    rules = Rules(keeps_unknown_products=True)
    lines = (
        LineDraft(sku="GIFT", name="Gift wrap", quantity=1, price=5),
        LineDraft(sku="CARD", quantity=1),
        LineDraft(product_id=999_999, name="Gone", quantity=1, price=1),
        MUG,
    )
    (order,) = take_in(world, draft(total=None, lines=lines), rules=rules)
    assert [(line.sku, line.name, line.product_id is None) for line in order.lines.order_by("position")] == [
        ("GIFT", "Gift wrap", True),
        ("CARD", "CARD", True),
        ("", "Gone", True),
        ("MUG", "Mug", False),
    ]
    assert order.total == 106


def test_a_door_may_do_without_a_city(world: World) -> None:
    (order,) = take_in(world, draft(city=None), rules=Rules(required=DASHBOARD.required - {"city"}))
    assert (order.city, order.city_place) == ("", None)


# --- references of the merchant's own ----------------------------------------------------------


def test_a_reference_is_taken_once(world: World) -> None:
    (first,) = take_in(world, draft(external_reference="A-1"))
    assert problems(world, draft(external_reference="A-2"), draft(external_reference=" A-1 ")) == [
        ("orders.1.external_reference", "taken")
    ]
    with pytest.raises(OrdersRefused) as refusal:
        take_in(world, draft(external_reference="A-1"))
    assert refusal.value.message == (
        f"“A-1” is the reference of {first.reference} already."
        " Send each order once, with a reference of its own."
    )


def test_a_reference_twice_in_one_list_names_the_first(world: World) -> None:
    drafts = [draft(external_reference=reference) for reference in ("A-1", "A-2", "A-1")]
    assert problems(world, *drafts) == [("orders.2.external_reference", "repeated")]


def test_a_deleted_order_keeps_its_reference(world: World) -> None:
    take_in(world, draft(external_reference="A-1"))
    Order.objects.update(deleted_at=AT)
    assert problems(world, draft(external_reference="A-1")) == [("orders.0.external_reference", "taken")]


def test_two_merchants_may_use_the_same_reference(world: World) -> None:
    other = World(slug="other")
    other.product("MUG")
    take_in(world, draft(external_reference="A-1"))
    (theirs,) = take_in(other, draft(external_reference="A-1"))
    assert theirs.merchant == other.merchant


def test_orders_without_a_reference_do_not_repeat_each_other(world: World) -> None:
    assert len(take_in(world, draft(), draft(), draft(external_reference="  "))) == 3


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("ORD-1", True),
        (" ord-000837-2 ", True),
        ("ORD-", False),
        ("ORD-1A", False),
        ("MY-ORD-1", False),
        ("837", False),
    ],
)
def test_what_looks_like_a_reference_of_ours(text: str, ours: bool) -> None:
    assert looks_like_ours(text) is ours


def at_the_worst_moment(monkeypatch: pytest.MonkeyPatch, happen: Callable[[], None]) -> None:
    """Lets something happen once, between the check and the write."""
    write_transaction = intake.write_transaction

    def wrapped(work: Any) -> Any:
        monkeypatch.setattr(intake, "write_transaction", write_transaction)
        happen()
        return write_transaction(work)

    monkeypatch.setattr(intake, "write_transaction", wrapped)


def in_another_connection(work: Callable[[], Any]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_a_rival_who_takes_the_reference_first_is_answered_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rival() -> None:
        in_another_connection(lambda: take_in(world, draft(external_reference="A-1"))).join(timeout=30)

    at_the_worst_moment(monkeypatch, rival)
    with pytest.raises(OrdersRefused) as refusal:
        take_in(world, draft(external_reference="A-0"), draft(external_reference="A-1"))

    assert [(problem.path, problem.code) for problem in refusal.value.problems] == [
        ("orders.1.external_reference", "taken")
    ]
    assert [order.external_reference for order in Order.objects.all()] == ["A-1"]
    assert (OrderLine.objects.count(), OrderEvent.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_of_two_transactions_that_overlap_exactly_one_takes_the_reference(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds, may_commit = threading.Event(), threading.Event()

    def rival() -> None:
        with transaction.atomic():
            take_in(world, draft(external_reference="A-1"))
            holds.set()
            assert may_commit.wait(timeout=30)

    thread: list[threading.Thread] = []

    def begin_and_hold() -> None:
        thread.append(in_another_connection(rival))
        assert holds.wait(timeout=30)  # the row is written, not committed
        may_commit.set()

    at_the_worst_moment(monkeypatch, begin_and_hold)
    with pytest.raises(OrdersRefused) as refusal:
        take_in(world, draft(external_reference="A-1"))
    thread[0].join(timeout=30)

    assert list(refusal.value.errors) == ["orders.0.external_reference"]
    assert Order.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_product_removed_in_between_is_answered_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    cup = Product.objects.create(merchant=world.merchant, sku="CUP", name="Cup", price=1)
    at_the_worst_moment(monkeypatch, lambda: in_another_connection(cup.delete).join(timeout=30))
    with pytest.raises(OrdersRefused) as refusal:
        take_in(world, draft(lines=(LineDraft(sku="CUP", quantity=1),)))
    assert list(refusal.value.errors) == ["orders.0.products.0.sku"]
    assert not Order.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_broken_constraint_that_no_check_explains_is_no_refusal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any) -> None:
        raise IntegrityError("something else")

    monkeypatch.setattr(intake, "copy_rows", fail)
    with pytest.raises(IntegrityError, match="something else"):
        take_in(world, draft())


# --- how much it costs ---------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 1000])
def test_ten_statements_are_enough_for_any_number_of_orders(world: World, count: int) -> None:
    tangier = Warehouse.objects.create(code="tangier", name="Tangier")
    mug = Product.objects.get(sku="MUG")
    drafts = [
        draft(
            external_reference=f"A-{number}",
            warehouse_id=tangier.pk,
            city=f"Nowhere {number} at all" if number % 2 else "Casablanca",
            lines=(LineDraft(sku="TEA", quantity=1), LineDraft(product_id=mug.pk, quantity=1)),
        )
        for number in range(1, count + 1)
    ]
    with CaptureQueriesContext(connection) as statements:
        made = create_orders(drafts, merchant=world.merchant, actor=SYSTEM)
    sent = [row["sql"] for row in statements if not row["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(made) == count
    assert len(sent) <= 10, sent
    assert (Order.objects.count(), OrderLine.objects.count(), OrderEvent.objects.count()) == (
        count,
        2 * count,
        count,
    )


def test_a_check_writes_nothing(world: World) -> None:
    before = everything()
    checked = check_orders([draft(), draft(city="Nowhere"), draft(phone="")], merchant=world.merchant)
    assert everything() == before
    assert [(order.index, order.place is not None) for order in checked.ready] == [(0, True), (1, False)]
    assert checked.errors() == {"orders.2.phone": ["The phone number is missing. Fill it in."]}
    assert not checked.is_fine


def test_of_the_3000_orders_exactly_166_are_refused_all_for_a_quantity_below_one() -> None:
    load_places()
    world = World()
    with (DATA / "orders_3000.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    skus = {sku for row in rows for sku in row["skus"].split(",")}
    Product.objects.bulk_create(
        [Product(merchant=world.merchant, sku=sku, name=sku, price=Decimal(1)) for sku in skus]
    )
    drafts = [
        OrderDraft(
            **{
                key: row[key]
                for key in ("full_name", "phone", "second_phone", "city", "address", "total", "notes")
            },
            lines=tuple(
                LineDraft(sku=sku, quantity=quantity, price=price)
                for sku, quantity, price in zip(
                    row["skus"].split(","),
                    row["quantities"].split(","),
                    row["prices"].split(","),
                    strict=True,
                )
            ),
        )
        for row in rows
    ]
    checked = check_orders(drafts, merchant=world.merchant, rules=IMPORT)
    codes: dict[int, Counter[str]] = {}
    for problem in checked.problems:
        codes.setdefault(problem.index, Counter())[f"{problem.field.split('.')[-1]} {problem.code}"] += 1
    assert len(codes) == 166
    assert all("quantity below_minimum" in found for found in codes.values())
    assert {code for found in codes.values() for code in found} == {
        "quantity below_minimum",
        "total below_minimum",  # a returned order's own total
    }
    assert len(checked.ready) == 2834

    made = create_orders(
        [drafts[order.index] for order in checked.ready], merchant=world.merchant, actor=SYSTEM, rules=IMPORT
    )
    assert len(made) == Order.objects.count() == 2834
    assert not Order.objects.filter(city_place__isnull=True).exists()
    assert not Order.objects.filter(phone_e164="").exists()
    assert OrderLine.objects.filter(sku="85123A").exists()


# --- orders sent twice, probably --------------------------------------------------------------------


NOON = dt.datetime(2026, 11, 3, 12, 0, tzinfo=dt.UTC)


def twins(world: World, *suspects: Suspect, **said: Any) -> dict[int, list[str]]:
    found = find_probable_duplicates(suspects, merchant=world.merchant, at=NOON, **said)
    return {index: [twin.reference for twin in orders] for index, orders in found.items()}


def suspect(world: World, *skus: str, phone: str = "+212661234567", index: int = 0) -> Suspect:
    return Suspect(index, phone, list(Product.objects.filter(sku__in=skus).values_list("id", flat=True)))


def test_the_same_phone_and_product_within_48_hours_is_probably_the_same_order(world: World) -> None:
    (order,) = take_in(world, draft(phone="+212 661-234567"), at=NOON - dt.timedelta(hours=47))
    found = find_probable_duplicates([suspect(world, "MUG", "TEA")], merchant=world.merchant, at=NOON)
    (twin,) = found[0]
    assert (twin.id, twin.reference, twin.status, twin.sku) == (order.pk, order.reference, "NEW", "MUG")
    assert twin.created_at == NOON - dt.timedelta(hours=47)


def test_another_product_phone_merchant_or_day_is_another_order(world: World) -> None:
    take_in(world, draft(), at=NOON - dt.timedelta(hours=49))
    take_in(world, draft(phone="0661234568"), at=NOON)
    take_in(world, draft(lines=(LineDraft(sku="TEA", quantity=1),)), at=NOON)
    other = World(slug="other")
    other.product("MUG")
    take_in(other, draft(), at=NOON)
    assert twins(world, suspect(world, "MUG")) == {}


def test_canceled_and_deleted_orders_and_the_order_itself_do_not_count(world: World) -> None:
    canceled, deleted, itself = take_in(world, draft(), draft(), draft(), at=NOON)
    world.walk(canceled, "cancel")
    Order.objects.filter(pk=deleted.pk).update(deleted_at=NOON)
    assert twins(world, suspect(world, "MUG")) == {0: [itself.reference]}
    assert twins(world, suspect(world, "MUG"), besides=itself.pk) == {}


def test_a_draft_that_passed_is_looked_for_as_it_stands(world: World) -> None:
    (order,) = take_in(world, draft(), at=NOON)
    checked = check_orders([draft(city="Elsewhere")], merchant=world.merchant)
    assert twins(world, *map(Suspect.of, checked.ready)) == {0: [order.reference]}


@pytest.mark.parametrize("count", [1, 200])
def test_one_statement_looks_for_any_number(world: World, count: int) -> None:
    (order,) = take_in(world, draft(), at=NOON)
    suspects = [
        suspect(world, "MUG", phone=f"+2126612345{number:02d}", index=number) for number in range(count)
    ]
    with CaptureQueriesContext(connection) as statements:
        found = find_probable_duplicates(
            [*suspects, suspect(world, "MUG", index=999)], merchant=world.merchant, at=NOON
        )
    assert found[999][0].reference == order.reference
    # Building a suspect asks for its products; looking for it is one statement more.
    assert sum("phone_reversed" in row["sql"] for row in statements) == 1


def test_without_a_number_or_a_product_there_is_nothing_to_look_for(world: World) -> None:
    with CaptureQueriesContext(connection) as statements:
        assert (
            find_probable_duplicates(
                [Suspect(0, "", [1]), Suspect(1, "+212661234567", [])], merchant=world.merchant
            )
            == {}
        )
    assert len(statements) == 0
