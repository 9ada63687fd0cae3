"""The pages of the scan benches, as they are without script and as the module asks for parts of them."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from orders.models import Order, OrderEvent, ScanAttempt, User, Warehouse
from tests.personas import at_work, person
from tests.web.scan.test_scanner_actions import CANCEL, PACK, SHIP, said
from tests.world import World, everything

pytestmark = pytest.mark.django_db

PART = {"HX-Request": "true", "Accept": "text/html"}


@pytest.fixture
def world(db: None) -> World:
    return World()


@pytest.fixture
def manager(world: World) -> Client:
    return at_work("manager")


def page_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def field_of(page: str, name: str) -> str:
    """The value of the input named so."""
    found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


def chosen_of(page: str) -> str:
    found = re.search(r'<option value="(\d+)" selected>', page)
    return found[1] if found else ""


@pytest.mark.parametrize(
    ("role", "modes"),
    [
        ("packer", ["pack"]),
        ("shipper", ["ship", "deliver"]),
        ("returns", ["return", "receive", "restock"]),
        ("callcentre", ["cancel"]),
        ("manager", ["pack", "ship", "deliver", "return", "cancel", "receive", "restock"]),
    ],
)
def test_the_choice_of_benches_holds_those_one_may_work_at(world: World, role: str, modes: list[str]) -> None:
    client = at_work(role)
    page = page_of(client.get("/scan"))
    assert re.findall(r'class="scan-choice [^>]*href="/scan/(\w+)"', page) == modes
    for mode in ("pack", "ship", "deliver", "return", "cancel", "receive", "restock"):
        assert client.get(f"/scan/{mode}").status_code == (200 if mode in modes else 403), mode


@pytest.mark.parametrize("role", ["viewer", "seller", "driver"])
def test_who_may_scan_nothing_has_no_benches(world: World, role: str) -> None:
    client = at_work(role)
    assert client.get("/scan").status_code == 403
    assert client.get("/scan/pack").status_code == 403
    assert client.post("/scan/pack/undo", {"attempt": "1"}).status_code == 403
    assert client.post("/scan/pack/choices", {}).status_code == 403


def test_a_bench_that_is_none_is_not_here(manager: Client) -> None:
    assert manager.get("/scan/fly").status_code == 404


def test_a_stranger_comes_to_the_bench_by_way_of_the_login() -> None:
    answer = Client().get("/scan/pack")
    assert (answer.status_code, answer["Location"]) == (302, "/login?next=%2Fscan%2Fpack")


def test_the_choice_of_benches_counts_ones_own_scans_of_today(world: World, manager: Client) -> None:
    for _ in range(2):
        manager.post(PACK, said(world.order([("MUG", 1)]), world))
    manager.post(PACK, said(world.order(), world, reference="nothing"))
    page = page_of(manager.get("/scan"))
    pack = page[page.index("/scan/pack") : page.index("/scan/ship")]
    assert re.findall(r"<b>(\d+)</b> (\w+)", pack) == [
        ("2", "done"),
        ("1", "unknown"),
    ]


def test_the_field_is_the_one_with_the_focus_and_carries_a_nonce(world: World, manager: Client) -> None:
    page = page_of(manager.get("/scan/pack"))
    assert re.findall(r"<input[^>]*autofocus[^>]*>", page)[0].count('name="reference"') == 1
    assert page.count("autofocus") == 1
    assert len(field_of(page, "nonce")) == 32
    assert field_of(page, "nonce") != field_of(page_of(manager.get("/scan/pack")), "nonce")
    assert f'action="{PACK}"' in page


def test_a_plain_form_is_answered_on_the_bench_and_reloading_sends_nothing(
    world: World, manager: Client
) -> None:
    order = world.order()
    answer = manager.post(PACK, said(order, world, nonce="n-1"))
    attempt = ScanAttempt.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/scan/pack?answer={attempt.pk}")
    page = page_of(manager.get(answer["Location"]))
    assert 'data-look="done"' in page
    assert f'<div class="bench-answer-what">{order.reference}</div>' in page
    assert '<div class="bench-answer-word">Packed</div>' in page


def test_a_double_enter_on_the_plain_form_counts_once(world: World, manager: Client) -> None:
    order = world.order()
    first = manager.post(PACK, said(order, world, nonce="n-1"))
    again = manager.post(PACK, said(order, world, nonce="n-1"))
    assert again["Location"] == first["Location"]
    assert ScanAttempt.objects.count() == 1
    assert 'data-look="done"' in page_of(manager.get(again["Location"]))


def test_a_refusal_says_in_three_lines_what_why_and_what_now(world: World, manager: Client) -> None:
    order = world.order()
    manager.post(CANCEL, said(order, world))
    answer = manager.post(PACK, said(order, world), headers=PART)
    page = page_of(answer)
    assert answer.status_code == 409
    assert 'data-look="refused" data-code="canceled" data-sound="refused"' in page
    assert f'<div class="bench-answer-what">{order.reference}</div>' in page
    assert re.search(rf"{order.reference} was canceled today \d\d:\d\d by Manager\.", page)
    assert '<div class="bench-answer-next">Put the parcel aside for put-back.</div>' in page


@pytest.mark.parametrize(
    ("scanned", "status", "look", "sound"),
    [
        ("{}", 200, "done", "done"),
        ("nothing", 404, "refused", "refused"),
        ("{}{}", 409, "refused", "refused"),
        ("1024", 409, "refused", "attention"),
    ],
)
def test_a_part_of_the_bench_carries_its_look_and_sound(
    world: World, manager: Client, scanned: str, status: int, look: str, sound: str
) -> None:
    order = world.order(external_reference="1024")
    World(slug="casbah").order(external_reference="1024")
    text = scanned.replace("{}", order.reference)
    answer = manager.post(PACK, said(order, world, reference=text), headers=PART)
    page = page_of(answer)
    assert answer.status_code == status
    assert f'data-look="{look}"' in page
    assert f'data-sound="{sound}"' in page
    assert "<html" not in page
    assert 'id="bench-side"' in page


def test_candidates_are_buttons_that_scan_the_right_one(world: World, manager: Client) -> None:
    first = world.order(external_reference="1024")
    second = World(slug="casbah").order(external_reference="1024")
    page = page_of(manager.post(PACK, said(first, world, reference="1024"), headers=PART))
    assert re.findall(r'name="reference" value="([^"]+)" formnovalidate', page) == [
        first.reference,
        second.reference,
    ]
    # As a form sends it: the empty field first, the pressed button after it.
    fields = said(first, world, warehouseId="") | {"reference": ["", second.reference]}
    manager.post(PACK, fields)
    second.refresh_from_db()
    assert second.status == "PACKED"


def test_a_resent_scan_looks_as_it_did_the_first_time(world: World, manager: Client) -> None:
    order = world.order()
    manager.post(SHIP, said(order, world, nonce="n-1"), headers=PART)
    world.walk(order, "pack")
    answer = manager.post(SHIP, said(order, world, nonce="n-1"), headers=PART)
    page = page_of(answer)
    assert answer.status_code == 200
    assert 'data-look="refused" data-code="duplicate_ignored"' in page
    assert "Sent twice, counted once." in page


def test_what_was_scanned_is_shown_as_text(world: World, manager: Client) -> None:
    page = page_of(
        manager.post(PACK, said(world.order(), world, reference="<script>alert(1)</script>"), headers=PART)
    )
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_last_twelve_scans_stand_beside_with_counts(world: World, manager: Client) -> None:
    orders = [world.order([("FREE", 1)], status="NEW") for _ in range(10)]
    for order in orders:
        manager.post(PACK, said(order, world))
    for scanned in ("x-1", "x-2", "x-3", "x-4"):
        manager.post(PACK, said(orders[0], world, reference=scanned))
    page = page_of(manager.get("/scan/pack"))
    listed = re.findall(r'class="code clip"[^>]*>([^<]+)<', page)
    assert listed == ["x-4", "x-3", "x-2", "x-1", *[o.reference for o in reversed(orders[2:])]]
    assert re.findall(r'data-tally="(\w+)"><b>(\d+)</b>', page) == [
        ("done", "10"),
        ("already_done", "0"),
        ("refused", "0"),
        ("not_found", "4"),
    ]


def test_only_the_newest_done_scan_offers_an_undo(world: World, manager: Client) -> None:
    first, second = world.order(), world.order()
    for order in (first, second):
        manager.post(PACK, said(order, world))
    manager.post(PACK, said(first, world, reference="nothing"))
    page = page_of(manager.get("/scan/pack"))
    offered = re.findall(r'name="attempt" value="(\d+)"', page)
    assert offered == [str(ScanAttempt.objects.get(order=second).pk)]


def test_an_undo_takes_the_scan_back_and_shows_it(world: World, manager: Client) -> None:
    order = world.order()
    manager.post(PACK, said(order, world))
    attempt = ScanAttempt.objects.get()
    answer = manager.post("/scan/pack/undo", {"attempt": str(attempt.pk)}, headers=PART)
    order.refresh_from_db()
    page = page_of(answer)
    assert (answer.status_code, order.status) == (200, "NEW")
    assert 'data-look="already"' in page
    assert '<div class="bench-answer-word">Undone</div>' in page
    assert 'class="tone-canceled is-undone"' in page
    assert "data-undo>" not in page


def test_an_undo_works_as_a_plain_form_too(world: World, manager: Client) -> None:
    order = world.order()
    manager.post(PACK, said(order, world))
    answer = manager.post("/scan/pack/undo", {"attempt": str(ScanAttempt.objects.get().pk)})
    order.refresh_from_db()
    assert (answer.status_code, order.status) == (200, "NEW")
    assert "Undone" in page_of(answer)


def test_an_undo_answers_a_program_in_the_scanners_shape(world: World, manager: Client) -> None:
    order = world.order()
    manager.post(PACK, said(order, world))
    attempt = ScanAttempt.objects.get()
    body = manager.post(
        "/scan/pack/undo", {"attempt": str(attempt.pk)}, headers={"Accept": "application/json"}
    ).json()
    assert body == {
        "outcome": "done",
        "code": "done",
        "message": f"{order.reference} is New now.",
        "order": {"id": str(order.pk), "reference": order.reference, "status": "NEW"},
    }


def test_an_undo_of_anothers_scan_is_not_here(world: World, manager: Client) -> None:
    order = world.order()
    manager.post(PACK, said(order, world))
    attempt = ScanAttempt.objects.get()
    before = everything()
    assert at_work("packer").post("/scan/pack/undo", {"attempt": str(attempt.pk)}).status_code == 404
    assert everything() == before


def test_anothers_answer_is_not_shown(world: World, manager: Client) -> None:
    order = world.order()
    manager.post(PACK, said(order, world))
    attempt = ScanAttempt.objects.get()
    page = page_of(at_work("packer").get(f"/scan/pack?answer={attempt.pk}"))
    assert 'data-look="idle"' in page
    assert order.reference not in page


# --- what is chosen once ------------------------------------------------------------


def test_day_and_warehouse_are_remembered_with_the_scan_that_carries_them(
    world: World, manager: Client
) -> None:
    rabat = Warehouse.objects.create(code="rabat", name="Rabat")
    yesterday = (timezone.localdate() - dt.timedelta(days=1)).isoformat()
    manager.post(SHIP, said(world.order(), world, date=yesterday, warehouseId=str(rabat.pk)))
    for mode in ("ship", "pack"):
        page = page_of(manager.get(f"/scan/{mode}"))
        assert chosen_of(page) == str(rabat.pk)
        assert re.search(rf'name="date" form="scan-form" value="{yesterday}"', page)


def test_choices_are_kept_before_the_first_scan(world: World, manager: Client) -> None:
    rabat = Warehouse.objects.create(code="rabat", name="Rabat")
    answer = manager.post("/scan/ship/choices", {"warehouseId": str(rabat.pk), "date": ""})
    assert answer.status_code == 204
    assert chosen_of(page_of(manager.get("/scan/ship"))) == str(rabat.pk)


def test_another_day_is_forgotten_with_the_day_it_was_chosen_on(world: World, manager: Client) -> None:
    today = timezone.localdate()
    manager.post(PACK, said(world.order(), world, date=(today - dt.timedelta(days=3)).isoformat()))
    session = manager.session
    session["scan"] = session["scan"] | {"chosen_on": (today - dt.timedelta(days=1)).isoformat()}
    session.save()
    page = page_of(manager.get("/scan/pack"))
    assert re.search(rf'name="date" form="scan-form" value="{today.isoformat()}"', page)


def test_a_scan_that_chooses_nothing_new_does_not_write_the_session(
    world: World, manager: Client, django_assert_max_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    manager.post(PACK, said(world.order(), world))
    order = world.order()
    with CaptureQueriesContext(connection) as captured:
        manager.post(PACK, said(order, world))
    written = [q["sql"] for q in captured.captured_queries if "UPDATE" in q["sql"] and "session" in q["sql"]]
    assert written == []


def test_the_usual_warehouse_of_the_person_is_chosen_for_them(world: World) -> None:
    Warehouse.objects.create(code="agadir", name="Agadir")
    rabat = Warehouse.objects.create(code="rabat", name="Rabat")
    client = at_work("manager", warehouse=rabat)
    assert chosen_of(page_of(client.get("/scan/ship"))) == str(rabat.pk)


def test_the_only_warehouse_there_is_needs_no_choice(world: World, manager: Client) -> None:
    assert chosen_of(page_of(manager.get("/scan/ship"))) == str(world.warehouse.pk)


def test_with_several_warehouses_and_none_usual_shipping_asks(world: World, manager: Client) -> None:
    Warehouse.objects.create(code="rabat", name="Rabat")
    page = page_of(manager.get("/scan/ship"))
    assert chosen_of(page) == ""
    assert '<option value="">Choose…</option>' in page
    assert "Each order's own" in page_of(manager.get("/scan/pack"))


def test_the_reason_for_canceling_is_chosen_once(world: World, manager: Client) -> None:
    manager.post(CANCEL, said(world.order(), world, description="Ordered twice"))
    page = page_of(manager.get("/scan/cancel"))
    assert re.search(r'name="description" form="scan-form" value="Ordered twice"', page)


def test_a_form_that_lacks_something_keeps_what_was_typed(world: World, manager: Client) -> None:
    Warehouse.objects.create(code="rabat", name="Rabat")
    order = world.order(status="PACKED")
    answer = manager.post(SHIP, said(order, world, warehouseId=""))
    page = page_of(answer)
    assert answer.status_code == 422
    assert field_of(page, "reference") == order.reference
    assert 'data-look="refused"' in page
    assert "has-error" in page
    order.refresh_from_db()
    assert order.status == "PACKED"


def test_the_part_of_a_wrong_call_says_what_to_put_right(world: World, manager: Client) -> None:
    order = world.order()
    answer = manager.post(CANCEL, said(order, world, description=""), headers=PART)
    page = page_of(answer)
    assert answer.status_code == 422
    assert '<div class="bench-answer-word">Not taken</div>' in page
    assert "Put it right above, then scan again." in page


def test_a_program_leaves_the_choices_of_the_bench_alone(world: World, manager: Client) -> None:
    yesterday = (timezone.localdate() - dt.timedelta(days=1)).isoformat()
    manager.post(PACK, said(world.order(), world, date=yesterday), headers={"Accept": "application/json"})
    assert "scan" not in manager.session


def test_the_day_is_the_merchants_for_who_works_for_one(world: World) -> None:
    world.merchant.timezone = "Pacific/Kiritimati"
    world.merchant.save()
    client = at_work("manager", merchant=world.merchant)
    day = world.merchant.today().isoformat()
    assert f'max="{day}"' in page_of(client.get("/scan/pack"))


def test_today_at_a_bench_is_each_merchants_own(world: World, manager: Client, settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Kiritimati"  # where staff work, always a day ahead of
    world.merchant.timezone = "Pacific/Midway"
    world.merchant.save()
    order = world.order()
    here = timezone.localdate(timezone=ZoneInfo("Pacific/Kiritimati"))
    assert here > world.merchant.today()
    manager.post(PACK, said(order, world, date=here.isoformat()))
    event = OrderEvent.objects.latest("id")
    assert (event.action, event.occurred_on) == ("pack", world.merchant.today())


def test_a_person_of_the_scan_is_the_person_of_the_session(world: World, manager: Client) -> None:
    manager.post(PACK, said(world.order(), world))
    assert ScanAttempt.objects.get().user == User.objects.get(username="manager")
    assert Order.objects.filter(status="PACKED").count() == 1
    assert person("packer").pk != ScanAttempt.objects.get().user_id
