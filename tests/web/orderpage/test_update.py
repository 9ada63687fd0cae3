"""Editing through its form and through PATCH: fields, locks, and two people at once."""

from __future__ import annotations

import html
import json
import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from orders.domain.life.editing import LineChange, edit_order
from orders.models import City, CityAlias, Order, OrderEvent
from tests.personas import at_work
from tests.world import SYSTEM, World, everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    return World()


@pytest.fixture
def casablanca(db: None) -> City:
    return City.objects.create(country="MA", name="Casablanca", region="Casablanca-Settat", key="casablanca")


@pytest.fixture
def order(world: World, casablanca: City) -> Order:
    return world.order([("MUG", 2)], city_place=casablanca)


@pytest.fixture
def clerk(world: World) -> Client:
    return at_work("callcentre")


def page_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def said(order: Order, **more: Any) -> dict[str, Any]:
    """The whole document as the dashboard's route asks for it."""
    line = order.lines.order_by("position").first()
    assert line is not None
    fields = {
        "full_name": "Karim Mansouri",
        "phone": "0661234567",
        "second_phone": "",
        "city_to_id": str(order.city_place_id),
        "area_text": "",
        "address": "123 Bd Mohammed V",
        "notes": "",
        "products": [{"id": str(line.product_id), "quantity": 2, "total": 100}],
    } | more
    return {name: value for name, value in fields.items() if value is not None}


def patch(client: Client, order: Order, fields: dict[str, Any], *, status: str = "NEW") -> Any:
    return client.patch(
        f"/orders/{status}/{order.pk}/update", json.dumps(fields), content_type="application/json"
    )


def form_of(order: Order, **more: Any) -> dict[str, Any]:
    """What the page's form sends when nothing was touched."""
    fields: dict[str, Any] = {
        "version": str(order.version),
        "full_name": order.full_name,
        "phone": order.phone,
        "second_phone": order.second_phone,
        "city": str(order.city_place),
        "city_to_id": str(order.city_place_id),
        "area": order.area,
        "address": order.address,
        "notes": order.notes,
        "total": str(order.total),
        "total_before": str(order.total),
    }
    for place, line in enumerate(order.lines.filter(cycle=order.cycle).order_by("position")):
        fields |= {
            f"products[{place}][line]": str(line.pk),
            f"products[{place}][id]": str(line.product_id),
            f"products[{place}][quantity]": str(line.quantity),
            f"products[{place}][total]": str(line.total),
        }
    return {name: value for name, value in (fields | more).items() if value is not None}


# --- PATCH ----------------------------------------------------------------------------


def test_patch_changes_the_order_and_answers_with_it(
    world: World, clerk: Client, order: Order, casablanca: City
) -> None:
    fes = City.objects.create(country="MA", name="Fès", key="fes")
    lamp = world.product("LAMP")
    answer = patch(
        clerk,
        order,
        said(
            order,
            full_name="Salma Tazi",
            phone="0612345678",
            second_phone="0522000000",
            city_to_id=str(fes.pk),
            area_text="Narjiss",
            address="4 rue Ibn Sina",
            notes="ring twice",
            products=[
                {"id": str(order.lines.get().product_id), "quantity": 1, "total": 50},
                {"id": lamp.pk, "quantity": "2", "total": "90.5"},
            ],
            version=1,
        ),
    )
    assert answer.status_code == 200, answer.content
    data = answer.json()["data"]
    assert {
        name: data[name]
        for name in ("full_name", "phone", "second_phone", "city", "area", "address", "notes")
    } == {
        "full_name": "Salma Tazi",
        "phone": "0612345678",
        "second_phone": "0522000000",
        "city": "Fès",
        "area": "Narjiss",
        "address": "4 rue Ibn Sina",
        "notes": "ring twice",
    }
    assert (data["version"], data["total"]) == (2, 140.5)
    assert [(p["sku"], p["quantity"], p["total"]) for p in data["products"]] == [
        ("MUG", 1, 50),
        ("LAMP", 2, 90.5),
    ]
    event = OrderEvent.objects.get()
    assert (event.type, event.action, event.actor_name, event.source) == (
        "edit",
        "edit",
        "Callcentre",
        "dashboard",
    )


def test_patch_reads_form_bodies_as_well(clerk: Client, order: Order) -> None:
    body = "&".join(
        [
            "full_name=Salma",
            "phone=0612345678",
            f"city_to_id={order.city_place_id}",
            "address=here",
            f"products[0][id]={order.lines.get().product_id}",
            "products[0][quantity]=2",
            "products[0][total]=100",
            "version=1",
        ]
    )
    answer = clerk.patch(
        f"/orders/NEW/{order.pk}/update",
        body,
        content_type="application/x-www-form-urlencoded",
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 200, answer.content
    assert answer.json()["data"]["full_name"] == "Salma"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"full_name": None}, ["full_name"]),
        ({"full_name": ""}, ["full_name"]),
        ({"full_name": "x" * 101}, ["full_name"]),
        ({"phone": None}, ["phone"]),
        ({"address": None}, ["address"]),
        ({"city_to_id": None}, ["city_to_id"]),
        ({"city_to_id": "x"}, ["city_to_id"]),
        ({"city_to_id": "999999"}, ["city_to_id"]),
        ({"products": None}, ["products"]),
        ({"products": []}, ["products"]),
        ({"products": "MUG"}, ["products"]),
        ({"products": [{"id": "999999", "quantity": 1, "total": 1}]}, ["products.0.id"]),
        ({"products": [{"quantity": 1, "total": 1}]}, ["products.0.id"]),
        ({"products": [{"id": "OWN", "quantity": 0, "total": 1}]}, ["products.0.quantity"]),
        ({"products": [{"id": "OWN", "quantity": 1.5, "total": 1}]}, ["products.0.quantity"]),
        ({"products": [{"id": "OWN", "quantity": 1, "total": "much"}]}, ["products.0.total"]),
        ({"products": [{"id": "OWN", "quantity": 1, "total": -1}]}, ["products.0.total"]),
        ({"version": "x"}, ["version"]),
        ({"notes": "x" * 1001}, ["notes"]),
        ({"full_name": "", "phone": ""}, ["full_name", "phone"]),
    ],
)
def test_what_is_wrong_is_named_by_field_and_nothing_changes(
    clerk: Client, order: Order, fields: dict[str, Any], named: list[str]
) -> None:
    own = order.lines.get().product_id
    if isinstance(fields.get("products"), list):
        fields = fields | {
            "products": [
                {**entry, "id": own} if entry.get("id") == "OWN" else entry for entry in fields["products"]
            ]
        }
    before = everything()
    answer = patch(clerk, order, said(order, **fields))
    assert answer.status_code == 422, answer.content
    assert list(answer.json()["errors"]) == named
    assert everything() == before


def test_a_stale_version_is_409_with_the_newer_values(clerk: Client, order: Order) -> None:
    edit_order(order.pk, actor=SYSTEM, changes={"notes": "theirs"})
    before = everything()
    answer = patch(clerk, order, said(order, notes="mine", version=1))
    assert answer.status_code == 409
    body = answer.json()
    assert (body["code"], body["current"]["notes"], body["current"]["version"]) == ("stale", "theirs", 2)
    line = order.lines.get()
    assert body["current"]["total"] == int(order.total)
    assert (body["current"]["lines"][0]["product_id"], body["current"]["lines"][0]["total"]) == (
        str(line.product_id),
        int(line.total),
    )
    assert everything() == before


def test_without_a_version_json_is_taken_as_it_comes(clerk: Client, order: Order) -> None:
    edit_order(order.pk, actor=SYSTEM, changes={"notes": "theirs"})
    assert patch(clerk, order, said(order, notes="mine")).status_code == 200


@pytest.mark.parametrize(
    ("named", "code"),
    [("NEW", 200), ("new", 200), ("PICKED_UP", 200), ("PACKED", 409), ("PREPARING", 409), ("FLYING", 404)],
)
def test_the_status_in_the_path_has_to_hold(
    world: World, clerk: Client, order: Order, named: str, code: int
) -> None:
    world.walk(order, "pick")
    answer = patch(clerk, order, said(order, notes="x"), status=named)
    assert answer.status_code == code
    order.refresh_from_db()
    assert order.notes == ("x" if code == 200 else "")


def test_locked_lines_are_refused_in_words_and_the_address_is_not(
    world: World, clerk: Client, order: Order
) -> None:
    world.walk(order, "pack")
    more = said(order, products=[{"id": order.lines.get().product_id, "quantity": 3, "total": 150}])
    refused = patch(clerk, order, more, status="PACKED")
    assert (refused.status_code, refused.json()["code"]) == (409, "locked")
    assert "locked" in refused.json()["message"]
    moved = patch(clerk, order, said(order, address="elsewhere", products=None), status="PACKED")
    assert moved.status_code == 200
    assert moved.json()["data"]["address"] == "elsewhere"


@pytest.mark.parametrize("status", ["DELIVERED", "RETURNED", "CANCELED"])
def test_a_settled_order_is_409(world: World, clerk: Client, casablanca: City, status: str) -> None:
    order = world.order(status=status, city_place=casablanca)
    answer = patch(clerk, order, said(order, notes="x"), status=status)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_status")


def test_facts_that_are_nobodys_to_edit_are_ignored(clerk: Client, order: Order) -> None:
    before = everything()["Order"]
    answer = patch(
        clerk,
        order,
        said(
            order,
            id=1,
            status="DELIVERED",
            merchant="casbah",
            reference="ORD-1",
            total=1,
            tracking="T",
            cycle=9,
        ),
    )
    assert answer.status_code == 200
    assert everything()["Order"] == before


def test_another_merchants_order_is_404(world: World, casablanca: City) -> None:
    theirs = World(slug="casbah").order(city_place=casablanca)
    own = at_work("callcentre", merchant=world.merchant)
    before = everything()
    assert patch(own, theirs, said(theirs, notes="x")).status_code == 404
    assert own.get(f"/orders/{theirs.pk}/edit").status_code == 404
    assert own.post(f"/orders/{theirs.pk}/note", {"note": "x"}).status_code == 404
    assert everything() == before


# --- the form -------------------------------------------------------------------------


def test_the_form_saved_untouched_changes_nothing(clerk: Client, order: Order) -> None:
    before = everything()
    answer = clerk.post(f"/orders/NEW/{order.pk}/update", form_of(order))
    assert (answer.status_code, answer["Location"]) == (302, f"/orders/{order.pk}/show")
    assert everything() == before


def test_the_page_holds_what_its_form_sends(clerk: Client, order: Order) -> None:
    page = page_of(clerk.get(f"/orders/{order.pk}/edit"))
    assert f'action="/orders/NEW/{order.pk}/update"' in page
    for name, value in form_of(order).items():
        if value and name != "notes":
            assert re.search(rf'name="{re.escape(name)}"\s[^>]*value="{re.escape(value)}"', page), name


def test_the_form_needs_its_version(clerk: Client, order: Order) -> None:
    answer = clerk.post(f"/orders/NEW/{order.pk}/update", form_of(order, version=None, notes="x"))
    assert answer.status_code == 422
    order.refresh_from_db()
    assert order.notes == ""


def test_a_program_may_send_a_form_without_a_version(clerk: Client, order: Order) -> None:
    line = order.lines.get()
    fields = said(order, notes="by form") | {
        "products[0][id]": str(line.product_id),
        "products[0][quantity]": "2",
        "products[0][total]": "100",
    }
    del fields["products"]
    answer = clerk.patch(
        f"/orders/NEW/{order.pk}/update",
        urlencode(fields),
        content_type="application/x-www-form-urlencoded",
        headers={"accept": "application/json"},
    )
    assert answer.status_code == 200, answer.content
    order.refresh_from_db()
    assert order.notes == "by form"


def test_a_stale_form_comes_back_with_both_values_and_saves_the_second_time(
    clerk: Client, order: Order
) -> None:
    stale = form_of(order, notes="mine", address="my street")
    edit_order(order.pk, actor=SYSTEM, changes={"notes": "theirs"})
    answer = clerk.post(f"/orders/NEW/{order.pk}/update", stale)
    page = page_of(answer)
    assert answer.status_code == 409
    assert "mine</textarea>" in page
    assert 'value="my street"' in page
    assert re.search(r"Now:\s*theirs", page)
    assert "was changed by somebody else since you opened it" in page
    order.refresh_from_db()
    assert order.notes == "theirs"

    version = re.search(r'name="version" value="(\d+)"', page)
    assert version is not None
    again = clerk.post(f"/orders/NEW/{order.pk}/update", stale | {"version": version[1]})
    assert again.status_code == 302
    order.refresh_from_db()
    assert (order.notes, order.address) == ("mine", "my street")


def opened_by(clerk: Client, order: Order) -> str:
    """What the page remembers of the moment it was opened."""
    page = page_of(clerk.get(f"/orders/{order.pk}/edit"))
    found = re.search(r'name="opened" value="([^"]*)"', page)
    assert found is not None
    return html.unescape(found[1])


def test_what_one_left_alone_shows_what_the_other_wrote(clerk: Client, order: Order) -> None:
    stale = form_of(order, address="my street", opened=opened_by(clerk, order))
    edit_order(
        order.pk,
        actor=SYSTEM,
        changes={"notes": "theirs", "full_name": "Their Name", "address": "their street"},
    )
    page = page_of(clerk.post(f"/orders/NEW/{order.pk}/update", stale))
    assert "theirs</textarea>" in page
    assert 'value="Their Name"' in page
    assert 'value="my street"' in page
    assert re.search(r"Now:\s*their street", page)
    assert page.count("Now:") == 1


def test_line_ends_as_browsers_send_them_are_no_change_of_ones_own(clerk: Client, order: Order) -> None:
    edit_order(order.pk, actor=SYSTEM, changes={"notes": "ring\ntwice"})
    order.refresh_from_db()
    stale = form_of(order, notes="ring\r\ntwice", address="mine", opened=opened_by(clerk, order))
    edit_order(order.pk, actor=SYSTEM, changes={"notes": "do not ring"})
    page = page_of(clerk.post(f"/orders/NEW/{order.pk}/update", stale))
    assert "do not ring</textarea>" in page


def test_lines_one_left_alone_are_the_newer_ones_and_lines_one_changed_stay(
    world: World, clerk: Client, order: Order
) -> None:
    opened = opened_by(clerk, order)
    untouched = form_of(order, notes="mine", opened=opened)
    touched = untouched | {"products[0][quantity]": "7", "products[0][total]": "350"}
    lamp = world.product("LAMP")
    edit_order(order.pk, actor=SYSTEM, changes={}, lines=[LineChange(1, product_id=lamp.pk)])

    page = page_of(clerk.post(f"/orders/NEW/{order.pk}/update", untouched))
    assert ">LAMP</bdi>" in page
    assert ">MUG</bdi>" not in page
    assert 'name="total" value="50.00"' in page

    page = page_of(clerk.post(f"/orders/NEW/{order.pk}/update", touched))
    assert re.search(r'name="products\[0\]\[quantity\]" value="7"', page)
    assert re.search(r"Now:\s*1 × LAMP, 50.00", page)


def test_a_mistake_in_a_stale_form_does_not_make_it_fresh(clerk: Client, order: Order) -> None:
    stale = form_of(order, full_name="", notes="mine")
    edit_order(order.pk, actor=SYSTEM, changes={"notes": "theirs"})
    page = page_of(clerk.post(f"/orders/NEW/{order.pk}/update", stale))
    assert 'name="version" value="1"' in page
    again = clerk.post(f"/orders/NEW/{order.pk}/update", stale | {"full_name": "Karim"})
    assert again.status_code == 409
    order.refresh_from_db()
    assert order.notes == "theirs"


def test_a_form_for_a_status_that_passed_comes_back_for_the_new_one(
    world: World, clerk: Client, order: Order
) -> None:
    stale = form_of(order, address="my street")
    world.walk(order, "pack")
    answer = clerk.post(f"/orders/NEW/{order.pk}/update", stale)
    page = page_of(answer)
    assert answer.status_code == 409
    assert f'action="/orders/PACKED/{order.pk}/update"' in page
    assert 'value="my street"' in page


def test_a_mistake_comes_back_beside_its_field_with_all_that_was_typed(clerk: Client, order: Order) -> None:
    answer = clerk.post(
        f"/orders/NEW/{order.pk}/update",
        form_of(
            order,
            full_name="",
            address="my street",
            **{
                "products[0][quantity]": "none",
                "products[1][product]": "HAT",
                "products[1][quantity]": "4",
            },
        ),
    )
    page = page_of(answer)
    assert answer.status_code == 422
    assert 'value="my street"' in page
    assert 'value="HAT"' in page
    assert "This is required." in page
    assert "Write a whole number from 1." in page
    assert "There is no product “HAT”." in page
    order.refresh_from_db()
    assert (order.full_name, order.version) == ("Karim Mansouri", 1)


def test_a_product_is_added_by_its_sku_without_script(world: World, clerk: Client, order: Order) -> None:
    world.product("LAMP")
    answer = clerk.post(
        f"/orders/NEW/{order.pk}/update",
        form_of(
            order,
            **{
                "products[1][product]": "LAMP",
                "products[1][quantity]": "2",
                "products[1][total]": "",
                "products[2][product]": "",
                "products[2][quantity]": "1",
            },
        ),
    )
    assert answer.status_code == 302, page_of(answer)
    order.refresh_from_db()
    assert list(order.lines.values_list("sku", "quantity", "total")) == [
        ("MUG", 2, Decimal(100)),
        ("LAMP", 2, Decimal(100)),
    ]
    assert order.total == Decimal(200)


def test_a_line_is_removed_by_its_box(world: World, clerk: Client, casablanca: City) -> None:
    order = world.order([("MUG", 1), ("LAMP", 1)], city_place=casablanca)
    clerk.post(f"/orders/NEW/{order.pk}/update", form_of(order, **{"products[0][remove]": "1"}))
    order.refresh_from_db()
    assert list(order.lines.values_list("sku", flat=True)) == ["LAMP"]
    assert order.total == Decimal(50)


def test_a_total_of_ones_own_is_kept(clerk: Client, order: Order) -> None:
    clerk.post(
        f"/orders/NEW/{order.pk}/update",
        form_of(order, total="95.50", **{"products[0][quantity]": "3", "products[0][total]": "150"}),
    )
    order.refresh_from_db()
    assert order.total == Decimal("95.50")


def test_another_city_typed_over_a_known_one_is_what_counts(clerk: Client, order: Order) -> None:
    fes = City.objects.create(country="MA", name="Fès", key="fes")
    clerk.post(f"/orders/NEW/{order.pk}/update", form_of(order, city="Fes"))
    order.refresh_from_db()
    assert (order.city, order.city_place_id) == ("Fes", fes.pk)


def test_choosing_the_city_of_an_unknown_spelling_teaches_it(
    world: World, clerk: Client, casablanca: City
) -> None:
    order, other = world.order(city="Kaza"), world.order(city="kaza")
    clerk.post(
        f"/orders/NEW/{order.pk}/update",
        form_of(order, city="Casablanca", city_to_id=str(casablanca.pk)),
    )
    order.refresh_from_db()
    other.refresh_from_db()
    assert (order.city, order.city_place_id) == ("Casablanca", casablanca.pk)
    assert other.city_place_id == casablanca.pk
    assert CityAlias.objects.get().spelling == "Kaza"


def test_locked_lines_have_no_fields_on_the_page(world: World, clerk: Client, order: Order) -> None:
    world.walk(order, "pack")
    page = page_of(clerk.get(f"/orders/{order.pk}/edit"))
    assert "products[0]" not in page
    assert "its products are locked until it is renewed" in page
    fields = {name: value for name, value in form_of(order, notes="x").items() if "products" not in name}
    assert clerk.post(f"/orders/PACKED/{order.pk}/update", fields).status_code == 302
    order.refresh_from_db()
    assert order.notes == "x"
