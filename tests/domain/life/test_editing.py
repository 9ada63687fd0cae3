"""Editing: what may change where, what stays locked, and that nobody is written over in silence."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.life import editing
from orders.domain.life.editing import LineChange, NotEditable, add_note, edit_order
from orders.domain.life.moving import move_orders
from orders.domain.refusals import InvalidInput, NotThere, Refusal, StaleVersion
from orders.models import ActorKind, City, CityAlias, Merchant, Order, OrderEvent
from tests.domain.life.test_rivals import in_thread
from tests.world import SYSTEM, World, everything

pytestmark = pytest.mark.django_db

CLERK = Actor(kind=ActorKind.USER, name="Amal", source="dashboard", permissions=frozenset({"change_order"}))


@pytest.fixture
def world() -> World:
    return World()


def city(name: str, key: str, **facts: Any) -> City:
    return City.objects.create(country="MA", name=name, key=key, **facts)


def lines_of(order: Order) -> list[tuple[str, int, Decimal, Decimal]]:
    return list(order.lines.filter(cycle=order.cycle).values_list("sku", "quantity", "unit_price", "total"))


# --- the person and the address -----------------------------------------------------


def test_changed_fields_are_written_with_what_is_derived_from_them(world: World) -> None:
    order = world.order()
    edited = edit_order(
        order.pk,
        actor=CLERK,
        version=1,
        changes={
            "full_name": "  Élodie   Ben Saïd ",
            "phone": "0612 34 56 78",
            "second_phone": "+213 555 12 34 56",
            "address": "12 rue des Fleurs\r\n3e étage",
            "area": "Maârif",
            "notes": "call before",
            "email": "e@example.org",
        },
    )
    order.refresh_from_db()
    assert (order.full_name, order.search_name) == ("Élodie Ben Saïd", "elodie ben said")
    assert (order.phone, order.phone_e164, order.phone_reversed) == (
        "0612 34 56 78",
        "+212612345678",
        "876543216212",
    )
    assert (order.second_phone, order.second_phone_reversed) == ("+213 555 12 34 56", "654321555312")
    assert (order.address, order.area, order.notes) == (
        "12 rue des Fleurs 3e étage",
        "Maârif",
        "call before",
    )
    assert (order.version, edited.version) == (2, 2)
    assert edited.changed == (
        "full_name",
        "phone",
        "second_phone",
        "email",
        "area",
        "address",
        "notes",
    )


def test_each_edit_leaves_an_event_with_before_and_after(world: World) -> None:
    order = world.order(notes="old")
    edit_order(order.pk, actor=CLERK, changes={"notes": "new", "full_name": "Karim Mansouri"})
    event = OrderEvent.objects.get()
    assert (event.type, event.action, event.actor_name, event.source) == (
        "edit",
        "edit",
        "Amal",
        "dashboard",
    )
    assert event.before == {"notes": "old"}
    assert event.details == {"after": {"notes": "new"}}
    assert (event.from_status, event.to_status, event.cycle) == ("", "", 1)
    assert event.message == "Changed: notes"


def test_an_edit_that_changes_nothing_writes_nothing(world: World) -> None:
    order = world.order(notes="same")
    before = everything()
    edited = edit_order(
        order.pk,
        actor=CLERK,
        changes={"notes": " same ", "city": "CASABLANCA"},
        lines=[LineChange(quantity=2, product_id=order.lines.get().product_id, total=Decimal(100))],
    )
    assert (edited.version, edited.changed) == (1, ())
    assert everything() == before


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"full_name": ""}, "full_name"),
        ({"full_name": " \u200b "}, "full_name"),
        ({"full_name": "x" * 101}, "full_name"),
        ({"phone": ""}, "phone"),
        ({"phone": "1" * 101}, "phone"),
        ({"second_phone": "1" * 101}, "second_phone"),
        ({"address": ""}, "address"),
        ({"address": "x" * 1001}, "address"),
        ({"notes": "x" * 1001}, "notes"),
        ({"area": "x" * 101}, "area"),
        ({"notes": "a\x00b"}, "notes"),
        ({"email": "nobody"}, "email"),
        ({"city": ""}, "city"),
        ({"city_place_id": 999_999}, "city_to_id"),
        ({"warehouse_id": 999_999}, "warehouseId"),
        ({"total": Decimal(-1)}, "total"),
    ],
)
def test_a_wrong_value_names_its_field_and_changes_nothing(
    world: World, changes: dict[str, Any], path: str
) -> None:
    order = world.order()
    before = everything()
    with pytest.raises(InvalidInput) as refused:
        edit_order(order.pk, actor=CLERK, changes=changes)
    assert list(refused.value.errors) == [path]
    assert everything() == before


@pytest.mark.parametrize(
    "status",
    [
        "NEW",
        "PICKED_UP",
        "PREPARING",
        "PACKED",
        "WAITING_FOR_SHIPPING_COMPANY",
        "SHIPPED",
        "OUT_OF_STOCK",
    ],
)
def test_the_address_can_be_put_right_until_the_parcel_arrives(world: World, status: str) -> None:
    order = world.order(status=status)
    edit_order(order.pk, actor=CLERK, changes={"address": "elsewhere"})
    order.refresh_from_db()
    assert (order.address, order.status) == ("elsewhere", status)


@pytest.mark.parametrize(
    "status", ["DELIVERED", "RETURNED", "RETURN_RECEIVED", "RETURNED_TO_STOCK", "CANCELED"]
)
def test_a_settled_order_is_not_edited(world: World, status: str) -> None:
    order = world.order(status=status)
    before = everything()
    with pytest.raises(NotEditable) as refused:
        edit_order(order.pk, actor=CLERK, changes={"address": "elsewhere"})
    assert refused.value.code == "wrong_status"
    assert everything() == before


def test_a_rolled_back_order_is_edited_as_the_status_it_remembers(world: World) -> None:
    packed_back = world.order(status="PACKED")
    delivered_back = world.order([("MUG", 1)], status="DELIVERED")
    for order in (packed_back, delivered_back):
        world.walk(order, "rollback")
    edit_order(
        packed_back.pk, actor=CLERK, changes={}, lines=[LineChange(1, line_id=packed_back.lines.get().pk)]
    )
    edit_order(delivered_back.pk, actor=CLERK, changes={"notes": "x"})
    with pytest.raises(NotEditable):
        edit_order(
            delivered_back.pk,
            actor=CLERK,
            changes={},
            lines=[LineChange(5, line_id=delivered_back.lines.get().pk)],
        )


# --- the city -----------------------------------------------------------------------


def test_a_chosen_city_is_set_and_its_spelling_learned_for_the_merchant(world: World) -> None:
    fes = city("Fès", "fes")
    order, waiting = world.order(city="Fezz"), world.order(city="fezz")
    edit_order(order.pk, actor=CLERK, changes={"city_place_id": fes.pk})
    order.refresh_from_db()
    waiting.refresh_from_db()
    assert (order.city, order.city_place_id) == ("Fès", fes.pk)
    alias = CityAlias.objects.get()
    assert (alias.key, alias.city_id, alias.merchant_id) == ("fezz", fes.pk, world.merchant.pk)
    assert (waiting.city, waiting.city_place_id) == ("fezz", fes.pk)


def test_a_city_changed_for_another_known_one_teaches_nothing(world: World) -> None:
    fes, rabat = city("Fès", "fes"), city("Rabat", "rabat")
    order = world.order(city="Fès", city_place=fes)
    edit_order(order.pk, actor=CLERK, changes={"city_place_id": rabat.pk})
    order.refresh_from_db()
    assert (order.city, order.city_place_id) == ("Rabat", rabat.pk)
    assert CityAlias.objects.count() == 0


def test_a_typed_city_is_resolved_or_waits_for_a_person(world: World) -> None:
    fes = city("Fès", "fes")
    order = world.order(city="Fezz")
    edit_order(order.pk, actor=CLERK, changes={"city": "FES"})
    order.refresh_from_db()
    assert (order.city, order.city_place_id) == ("FES", fes.pk)
    edit_order(order.pk, actor=CLERK, changes={"city": "Nowhere"})
    order.refresh_from_db()
    assert (order.city, order.city_place_id) == ("Nowhere", None)


def test_a_city_of_another_country_is_no_city_of_this_order(world: World) -> None:
    oran = City.objects.create(country="DZ", name="Oran", key="oran")
    order = world.order()
    with pytest.raises(InvalidInput) as refused:
        edit_order(order.pk, actor=CLERK, changes={"city_place_id": oran.pk})
    assert list(refused.value.errors) == ["city_to_id"]


# --- the lines and the money --------------------------------------------------------


def test_lines_are_replaced_and_the_total_moves_with_them(world: World) -> None:
    order = world.order([("MUG", 2), ("LAMP", 1)], total=Decimal(160), amount_due=Decimal(160))
    mug = order.lines.get(position=1)
    shade = world.product("SHADE")
    edited = edit_order(
        order.pk,
        actor=CLERK,
        changes={},
        lines=[
            LineChange(3, product_id=mug.product_id),
            LineChange(2, product_id=shade.pk, total=Decimal(90)),
        ],
    )
    order.refresh_from_db()
    assert lines_of(order) == [
        ("MUG", 3, Decimal(50), Decimal(150)),
        ("SHADE", 2, Decimal(45), Decimal(90)),
    ]
    # It stood 10 above its lines (150) and stands 10 above them (240) now.
    assert (order.total, order.amount_due) == (Decimal(250), Decimal(250))
    assert edited.changed == ("total", "lines")
    event = OrderEvent.objects.get()
    assert [line["sku"] for line in event.before["lines"]] == ["MUG", "LAMP"]
    assert event.details["after"]["lines"][1] == {
        "product_id": shade.pk,
        "sku": "SHADE",
        "name": "Shade",
        "quantity": 2,
        "total": "90",
    }


def test_a_total_said_aloud_wins_over_the_lines(world: World) -> None:
    order = world.order([("MUG", 2)], prepaid=Decimal(20))
    edit_order(
        order.pk,
        actor=CLERK,
        changes={"total": Decimal(130)},
        lines=[LineChange(3, line_id=order.lines.get().pk)],
    )
    order.refresh_from_db()
    assert (order.total, order.amount_due) == (Decimal(130), Decimal(110))


def test_a_prepaid_order_still_owes_the_courier_nothing(world: World) -> None:
    order = world.order(payment_method="card", prepaid=Decimal(100), amount_due=Decimal(0))
    edit_order(order.pk, actor=CLERK, changes={"total": Decimal(300)})
    order.refresh_from_db()
    assert (order.total, order.prepaid, order.amount_due) == (Decimal(300), Decimal(300), Decimal(0))


def test_a_total_below_what_was_paid_ahead_is_refused(world: World) -> None:
    order = world.order(prepaid=Decimal(60), amount_due=Decimal(40))
    with pytest.raises(InvalidInput) as refused:
        edit_order(order.pk, actor=CLERK, changes={"total": Decimal(59)})
    assert list(refused.value.errors) == ["total"]


def test_a_kept_line_keeps_the_words_it_came_in_with(world: World) -> None:
    order = world.order([("MUG", 1)])
    product = world.product("MUG")
    product.name, product.sku, product.price, product.is_active = "Cup", "CUP", Decimal(70), False
    product.save()
    edit_order(order.pk, actor=CLERK, changes={}, lines=[LineChange(2, product_id=product.pk)])
    order.refresh_from_db()
    assert list(order.lines.values_list("sku", "name", "quantity", "total")) == [
        ("MUG", "Mug", 2, Decimal(100))
    ]


def test_a_line_whose_product_is_unknown_is_kept_by_its_id(world: World) -> None:
    order = world.order([("MUG", 1)])
    order.lines.update(product=None, sku="ODD")
    edit_order(order.pk, actor=CLERK, changes={}, lines=[LineChange(4, line_id=order.lines.get().pk)])
    assert lines_of(order) == [("ODD", 4, Decimal(50), Decimal(200))]


def test_one_product_on_two_lines_stays_two_lines(world: World) -> None:
    order = world.order([("MUG", 1), ("MUG", 2)])
    product = world.product("MUG")
    edit_order(
        order.pk,
        actor=CLERK,
        changes={},
        lines=[LineChange(1, product_id=product.pk), LineChange(5, product_id=product.pk)],
    )
    assert [quantity for _, quantity, _, _ in lines_of(order)] == [1, 5]


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ([], "products"),
        ([LineChange(1, product_id=999_999)], "products.0.id"),
        ([LineChange(1)], "products.0.id"),
        ([LineChange(0, line_id=-1)], "products.0.quantity"),
        ([LineChange(1_000_000, line_id=-1)], "products.0.quantity"),
        ([LineChange(1, line_id=-1, total=Decimal(-1))], "products.0.total"),
        ([LineChange(1, line_id=-1)] * 101, "products"),
    ],
)
def test_a_wrong_line_names_its_place_and_changes_nothing(
    world: World, lines: list[LineChange], path: str
) -> None:
    order = world.order()
    own = order.lines.get().pk
    said = [
        LineChange(line.quantity, line.product_id, own if line.line_id == -1 else None, line.total)
        for line in lines
    ]
    before = everything()
    with pytest.raises(InvalidInput) as refused:
        edit_order(order.pk, actor=CLERK, changes={"notes": "x"}, lines=said)
    assert list(refused.value.errors) == [path]
    assert everything() == before


def test_another_merchants_or_a_retired_product_cannot_be_put_on_a_line(world: World) -> None:
    theirs = World(slug="casbah").product("RUG")
    retired = world.product("OLD", is_active=False)
    order = world.order()
    for product in (theirs, retired):
        with pytest.raises(InvalidInput) as refused:
            edit_order(order.pk, actor=CLERK, changes={}, lines=[LineChange(1, product_id=product.pk)])
        assert list(refused.value.errors) == ["products.0.id"]


@pytest.mark.parametrize("status", ["PACKED", "WAITING_FOR_SHIPPING_COMPANY", "SHIPPED"])
def test_lines_are_locked_while_a_reservation_or_a_parcel_holds_them(world: World, status: str) -> None:
    order = world.order(status=status)
    before = everything()
    with pytest.raises(NotEditable) as refused:
        edit_order(
            order.pk, actor=CLERK, changes={"notes": "x"}, lines=[LineChange(3, line_id=order.lines.get().pk)]
        )
    assert refused.value.code == "locked"
    assert everything() == before


def test_units_reserved_before_packing_lock_the_lines(world: World) -> None:
    order = world.order(reserved_warehouse=world.warehouse)
    with pytest.raises(NotEditable):
        edit_order(order.pk, actor=CLERK, changes={}, lines=[LineChange(3, line_id=order.lines.get().pk)])


def test_goods_that_left_once_lock_the_lines_until_a_new_cycle(world: World) -> None:
    order = world.order(status="SHIPPED")
    world.walk(order, "rollback", "mark_out_of_stock")
    line = order.lines.get()
    with pytest.raises(NotEditable):
        edit_order(order.pk, actor=CLERK, changes={}, lines=[LineChange(3, line_id=line.pk)])
    world.walk(order, "renew")
    edit_order(order.pk, actor=CLERK, changes={}, lines=[LineChange(3, product_id=line.product_id)])
    order.refresh_from_db()
    assert lines_of(order) == [("MUG", 3, Decimal(50), Decimal(150))]
    assert list(order.lines.filter(cycle=1).values_list("quantity", flat=True)) == [2]


def test_lines_sent_back_unchanged_are_no_edit_even_while_locked(world: World) -> None:
    order = world.order([("MUG", 2), ("LAMP", 1)], status="SHIPPED")
    mug, lamp = order.lines.order_by("position")
    edited = edit_order(
        order.pk,
        actor=CLERK,
        changes={"address": "elsewhere"},
        lines=[
            LineChange(1, product_id=lamp.product_id, total=Decimal(50)),
            LineChange(2, product_id=mug.product_id, total=Decimal(100)),
        ],
    )
    assert edited.changed == ("address",)


def test_edited_lines_are_what_packing_reserves(world: World) -> None:
    order = world.order([("MUG", 2)])
    edit_order(order.pk, actor=CLERK, changes={}, lines=[LineChange(7, line_id=order.lines.get().pk)])
    world.walk(order, "pack")
    assert world.shelf() == (10, 7)


def test_the_source_warehouse_changes_until_the_order_is_packed(world: World) -> None:
    other = World(slug="casbah").warehouse
    order, packed = world.order(), world.order(status="PACKED")
    edit_order(order.pk, actor=CLERK, changes={"warehouse_id": other.pk})
    order.refresh_from_db()
    assert order.warehouse_id == other.pk
    with pytest.raises(NotEditable):
        edit_order(packed.pk, actor=CLERK, changes={"warehouse_id": other.pk})


# --- two people ---------------------------------------------------------------------


def test_a_stale_version_is_refused_with_the_newer_values(world: World) -> None:
    order = world.order()
    edit_order(order.pk, actor=CLERK, version=1, changes={"notes": "first"})
    before = everything()
    with pytest.raises(StaleVersion) as refused:
        edit_order(order.pk, actor=CLERK, version=1, changes={"notes": "second"})
    assert refused.value.current["notes"] == "first"
    assert (refused.value.current["version"], refused.value.current["status"]) == (2, "NEW")
    assert everything() == before


def test_a_move_makes_a_page_opened_before_it_stale(world: World) -> None:
    order = world.order()
    world.walk(order, "pack")
    with pytest.raises(StaleVersion):
        edit_order(order.pk, actor=CLERK, version=1, changes={"notes": "x"})


@pytest.mark.parametrize(
    ("status", "standing_in", "holds"),
    [
        ("NEW", "NEW", True),
        ("PICKED_UP", "NEW", True),
        ("PICKED_UP", "PICKED_UP", True),
        ("PACKED", "NEW", False),
        ("NEW", "PICKED_UP", False),
    ],
)
def test_the_status_named_has_to_hold(world: World, status: str, standing_in: str, *, holds: bool) -> None:
    order = world.order(status=status)
    if holds:
        assert edit_order(order.pk, actor=CLERK, changes={"notes": "x"}, standing_in=standing_in).changed == (
            "notes",
        )
        return
    with pytest.raises(StaleVersion) as refused:
        edit_order(order.pk, actor=CLERK, changes={"notes": "x"}, standing_in=standing_in)
    assert refused.value.current["status"] == status


@pytest.mark.django_db(transaction=True)
def test_of_two_people_saving_the_same_version_the_later_is_told() -> None:
    world = World()
    for _ in range(5):
        order = world.order()

        def save(note: str, order_id: int = order.pk) -> str:
            edit_order(order_id, actor=CLERK, version=1, changes={"notes": note})
            return note

        thread, theirs = in_thread(lambda save=save: save("theirs"))
        try:
            mine: Any = save("mine")
        except Refusal as refusal:
            mine = refusal
        thread.join(timeout=30)
        answers = [mine, theirs[0]]
        winner = next(answer for answer in answers if isinstance(answer, str))
        loser = next(answer for answer in answers if not isinstance(answer, str))
        order.refresh_from_db()
        assert isinstance(loser, StaleVersion)
        assert loser.current["notes"] == winner == order.notes
        assert order.version == 2
        assert OrderEvent.objects.filter(order=order).count() == 1


def come_in_between(monkeypatch: pytest.MonkeyPatch, rival: Any) -> None:
    """Lets `rival` finish between the reading and the writing of the next edit."""
    write = editing._write

    def late(*args: Any, **said: Any) -> Any:
        monkeypatch.setattr(editing, "_write", write)
        rival()
        return write(*args, **said)

    monkeypatch.setattr(editing, "_write", late)


def test_the_guard_notices_a_row_that_changed_since_it_was_read(world: World, monkeypatch) -> None:
    order = world.order()
    come_in_between(monkeypatch, lambda: Order.objects.filter(pk=order.pk).update(version=2))
    monkeypatch.setattr("orders.domain.rows.locking.TRIES", 1)
    with pytest.raises(Refusal) as refused:
        edit_order(order.pk, actor=CLERK, version=1, changes={"notes": "mine"})
    assert refused.value.code == "locked"
    assert OrderEvent.objects.count() == 0


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("version", [1, None])
def test_without_locks_a_rival_in_between_is_never_written_over(
    monkeypatch: pytest.MonkeyPatch, version: int | None
) -> None:
    order = World().order(address="old")
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)

    def rival() -> None:
        thread, answers = in_thread(lambda: edit_order(order.pk, actor=CLERK, changes={"notes": "theirs"}))
        thread.join(timeout=30)
        assert answers[0].changed == ("notes",)

    come_in_between(monkeypatch, rival)
    if version is None:  # no version named: the edit starts over on the newer row
        edit_order(order.pk, actor=CLERK, changes={"address": "mine"})
    else:
        with pytest.raises(StaleVersion) as refused:
            edit_order(order.pk, actor=CLERK, version=1, changes={"notes": "mine"})
        assert refused.value.current["notes"] == "theirs"
    order.refresh_from_db()
    assert order.notes == "theirs"
    assert (order.address, order.version) == (("mine", 3) if version is None else ("old", 2))


@pytest.mark.django_db(transaction=True)
def test_lines_edited_and_packed_at_once_reserve_what_the_lines_say() -> None:
    world = World(units=1000)
    for _ in range(5):
        order = world.order([("MUG", 2)])
        line = order.lines.get()
        thread, packed = in_thread(lambda pk=order.pk: move_orders("pack", [pk], actor=SYSTEM))
        with contextlib.suppress(NotEditable):
            edit_order(order.pk, actor=CLERK, changes={}, lines=[LineChange(5, product_id=line.product_id)])
        thread.join(timeout=30)
        assert packed[0].counts["done"] == 1
        held = sum(Order.objects.filter(status="PACKED").values_list("lines__quantity", flat=True))
        assert world.shelf() == (1000, held)


# --- strangers ----------------------------------------------------------------------


def test_another_merchants_and_deleted_orders_are_not_there(world: World) -> None:
    theirs = World(slug="casbah").order()
    gone = world.order(deleted_at=timezone.now())
    actor = Actor(
        kind=ActorKind.USER, name="x", source="dashboard", merchant_id=world.merchant.pk, permissions=None
    )
    before = everything()
    for order in (theirs, gone):
        with pytest.raises(NotThere):
            edit_order(order.pk, actor=actor, changes={"notes": "x"})
        with pytest.raises(NotThere):
            add_note(order.pk, "x", actor=actor)
    assert everything() == before


def test_facts_that_no_editor_names_are_never_written(world: World) -> None:
    order = world.order()
    other = Merchant.objects.create(
        slug="other", name="Other", country="MA", currency="MAD", default_warehouse=world.warehouse
    )
    before = everything()
    edited = edit_order(
        order.pk,
        actor=CLERK,
        changes={
            "id": 1,
            "status": "DELIVERED",
            "merchant_id": other.pk,
            "reference": "ORD-9",
            "amount_collected": 1,
            "tracking": "T",
            "version": 9,
        },
    )
    assert edited.changed == ()
    assert everything() == before


# --- notes --------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["NEW", "DELIVERED", "CANCELED"])
def test_a_note_is_added_whatever_the_status(world: World, status: str) -> None:
    order = world.order(status=status)
    version = order.version
    event_id = add_note(order.pk, " asked for\nthe blue one ", actor=CLERK)
    order.refresh_from_db()
    event = OrderEvent.objects.get(pk=event_id)
    assert (event.type, event.action, event.message) == ("note", "note", "asked for\nthe blue one")
    assert order.version == version


@pytest.mark.parametrize("text", ["", "  ", "x" * 1001, "a\x00"])
def test_an_unusable_note_is_refused(world: World, text: str) -> None:
    order = world.order()
    with pytest.raises(InvalidInput) as refused:
        add_note(order.pk, text, actor=CLERK)
    assert list(refused.value.errors) == ["note"]
    assert OrderEvent.objects.count() == 0


def test_the_number_of_statements_does_not_grow_with_the_lines(world: World) -> None:
    counts = []
    for number in (1, 30):
        order = world.order([(f"P{place}", 1) for place in range(number)])
        wanted = [LineChange(2, line_id=line.pk) for line in order.lines.all()]
        with CaptureQueriesContext(connection) as statements:
            edit_order(order.pk, actor=CLERK, changes={}, lines=wanted)
        counts.append(len([s for s in statements if "SAVEPOINT" not in s["sql"]]))
    assert counts[0] == counts[1]
