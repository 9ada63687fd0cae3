"""Scans: the right order or none, once, and every attempt kept."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext

from orders.domain.actors import Actor
from orders.domain.bench import scanning
from orders.domain.bench.scanning import count_scans, read_recent_scans, scan, undo_scan
from orders.domain.life.moving import move_orders
from orders.domain.reading.codes import printed_code, read_scanned
from orders.domain.refusals import InvalidInput, Locked, NotAllowed, NotThere
from orders.models import ActorKind, Order, OrderEvent, ScanAttempt, Warehouse
from tests.world import World, everything, ledger_equals_stock

pytestmark = pytest.mark.django_db

ALL = frozenset(
    {
        "markAsPackedByScanner",
        "markAsShippedByScanner",
        "markAsDeliveredByScanner",
        "markAsReturnedByScanner",
        "markAsCanceledByScanner",
    }
)


@pytest.fixture
def world(db: None) -> World:
    return World()


def someone(world: World, name: str = "salma", permissions: frozenset[str] = ALL, **facts: Any) -> Actor:
    user = world.person(name, **facts)
    return Actor(
        kind=ActorKind.USER,
        name=user.display_name,
        source="scanner",
        user_id=user.pk,
        merchant_id=user.merchant_id,
        permissions=permissions,
    )


@pytest.fixture
def salma(world: World) -> Actor:
    return someone(world)


def kept() -> ScanAttempt:
    return ScanAttempt.objects.latest("id")


def test_a_scan_packs_the_order_and_keeps_the_attempt(world: World, salma: Actor) -> None:
    order = world.order()
    answer = scan("pack", order.reference, actor=salma, nonce="n-1")
    order.refresh_from_db()
    assert answer.as_json() == {
        "outcome": "done",
        "code": "done",
        "message": f"{order.reference} is Packed now.",
        "order": {"id": str(order.pk), "reference": order.reference, "status": "PACKED"},
    }
    assert (answer.what, answer.why) == (order.reference, "Karim Mansouri · Casablanca")
    assert (order.status, world.shelf()) == ("PACKED", (10, 2))
    attempt = kept()
    event = OrderEvent.objects.latest("id")
    assert (attempt.mode, attempt.scanned, attempt.nonce) == ("pack", order.reference, "n-1")
    assert (attempt.outcome, attempt.code, attempt.user_id) == ("done", "done", salma.user_id)
    assert (attempt.order_id, attempt.event_id) == (order.pk, event.pk)
    assert (event.actor_name, event.source) == ("Salma", "scanner")


@pytest.mark.parametrize(
    ("mode", "status", "target"),
    [
        ("pack", "NEW", "PACKED"),
        ("ship", "PACKED", "SHIPPED"),
        ("deliver", "SHIPPED", "DELIVERED"),
        ("return", "SHIPPED", "RETURNED"),
        ("receive", "RETURNED", "RETURN_RECEIVED"),
        ("restock", "RETURN_RECEIVED", "RETURNED_TO_STOCK"),
        ("cancel", "NEW", "CANCELED"),
    ],
)
def test_each_bench_takes_its_own_step(
    world: World, salma: Actor, mode: str, status: str, target: str
) -> None:
    order = world.order(status=status)
    answer = scan(mode, order.reference, actor=salma, reason="Customer changed their mind")
    order.refresh_from_db()
    assert (answer.outcome, order.status) == ("done", target)
    assert ledger_equals_stock()


def test_the_day_and_the_reason_stand_in_history(world: World, salma: Actor) -> None:
    order = world.order()
    scan("cancel", order.reference, actor=salma, occurred_on=dt.date(2026, 11, 2), reason="Wrong number")
    event = OrderEvent.objects.latest("id")
    assert (event.action, event.message, event.occurred_on) == (
        "cancel",
        "Wrong number",
        dt.date(2026, 11, 2),
    )


# --- which order ----------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    [
        lambda order: order.reference,
        lambda order: order.reference.lower(),
        lambda order: order.reference.replace("-", ""),
        lambda order: f"{order.reference}-1",
        lambda order: printed_code(order.pk, 1),
        lambda order: f"]E0{printed_code(order.pk, 1)}",
        lambda order: printed_code(order.pk, 1).translate(str.maketrans("0123456789", "à&é\"'(-è_ç")),
        lambda order: "Shop#1024",
        lambda order: "sHOP#1024",
        lambda order: "ECA26X1",
        lambda order: "eca26x1",
    ],
)
def test_every_code_of_a_parcel_leads_to_its_order(
    world: World, salma: Actor, spelling: Callable[[Order], str]
) -> None:
    world.order()
    order = world.order(external_reference="Shop#1024", tracking="ECA26X1")
    answer = scan("pack", spelling(order), actor=salma)
    assert (answer.outcome, answer.order and answer.order["id"]) == ("done", str(order.pk))
    assert Order.objects.filter(status="PACKED").count() == 1


@pytest.mark.parametrize(
    "scanned",
    ["", "{}", "ORD-{}", "{}0", "2000000000017", "nothing", "ORD-999999", "%", "_", "' OR 1=1--"],
)
def test_a_part_of_a_code_or_another_code_is_unknown(world: World, salma: Actor, scanned: str) -> None:
    order = world.order(external_reference="Shop 1024", tracking="ECA26X1")
    text = scanned.format(order.reference[-6:].lstrip("0")) or "Shop"
    before = everything()
    answer = scan("pack", text, actor=salma)
    assert (answer.outcome, answer.code, answer.order) == ("unknown", "unknown", None)
    assert everything() == before
    assert (kept().code, kept().order_id, kept().scanned) == ("unknown", None, text)


def test_a_bare_number_is_told_how_our_own_is_written(world: World, salma: Actor) -> None:
    answer = scan("pack", "837", actor=salma)
    assert answer.message == ("No order has the code 837. Our own number is written in full: ORD-000837.")


def test_two_orders_of_one_code_are_named_and_nothing_changes(world: World, salma: Actor) -> None:
    other = World(slug="casbah")
    ours = world.order(external_reference="1024")
    theirs = other.order(external_reference="1024")
    before = everything()
    answer = scan("pack", "1024", actor=salma)
    assert (answer.outcome, answer.code, answer.order) == ("ambiguous", "ambiguous", None)
    assert answer.as_json()["candidates"] == [
        {"id": str(ours.pk), "reference": ours.reference, "status": "NEW", "merchant": "Atlas"},
        {"id": str(theirs.pk), "reference": theirs.reference, "status": "NEW", "merchant": "Casbah"},
    ]
    assert answer.why == f"2 orders have this code: {ours.reference}, {theirs.reference}."
    assert everything() == before
    assert kept().code == "ambiguous"


def test_a_tracking_that_is_anothers_reference_is_ambiguous_too(world: World, salma: Actor) -> None:
    first = world.order()
    world.order(tracking=first.reference)
    assert scan("pack", first.reference, actor=salma).code == "ambiguous"
    assert not Order.objects.filter(status="PACKED").exists()


def test_two_readings_of_one_scan_that_name_two_orders_are_ambiguous(world: World, salma: Actor) -> None:
    first, second = world.order(tracking="AB12"), world.order(tracking="QB12")
    assert scan("pack", "AB12", keys="QB12", actor=salma).code == "ambiguous"
    assert {first.pk, second.pk} == set(Order.objects.filter(status="NEW").values_list("pk", flat=True))


def test_an_order_that_two_of_its_codes_name_is_one_order(world: World, salma: Actor) -> None:
    order = world.order(external_reference="A-1", tracking="A-1")
    assert scan("pack", "A-1", actor=salma).code == "done"
    order.refresh_from_db()
    assert order.status == "PACKED"


def test_another_merchants_order_is_unknown(world: World) -> None:
    order = World(slug="casbah").order(external_reference="X-1")
    seller = someone(world, "seller", merchant=world.merchant)
    before = everything()
    for code in (order.reference, printed_code(order.pk, 1), "X-1"):
        assert scan("pack", code, actor=seller).code == "unknown"
    assert everything() == before
    assert set(ScanAttempt.objects.values_list("order_id", flat=True)) == {None}


def test_a_deleted_order_is_unknown(world: World, salma: Actor) -> None:
    order = world.order(deleted_at=dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
    assert scan("pack", order.reference, actor=salma).code == "unknown"


@pytest.mark.parametrize("scanned", ["ORD-000001ORD-000002", "https://shop.example/1", "A" * 300])
def test_what_is_no_code_is_refused_and_kept(world: World, salma: Actor, scanned: str) -> None:
    answer = scan("pack", scanned, actor=salma)
    assert (answer.outcome, answer.code, answer.order) == ("refused", "invalid", None)
    assert kept().scanned == scanned[:200]


def test_joined_codes_are_told_to_be_scanned_again(world: World, salma: Actor) -> None:
    first, second = world.order(), world.order()
    answer = scan("pack", first.reference + second.reference, actor=salma)
    assert answer.why == "Two codes arrived as one."
    assert not Order.objects.filter(status="PACKED").exists()


def test_unprintable_signs_are_kept_as_their_pictures(world: World, salma: Actor) -> None:
    order = world.order()
    scan("pack", f"\x1d{order.reference}\x00\ud800", actor=salma)
    assert kept().scanned == f"␝{order.reference}␀\ufffd"


# --- parcels of an earlier trip ---------------------------------------------------


@pytest.mark.parametrize("mode", ["ship", "return", "receive"])
def test_the_parcel_of_an_earlier_trip_does_not_move_the_renewed_order(
    world: World, salma: Actor, mode: str
) -> None:
    order = world.walk(world.order(status="RETURNED"), "renew", "pack")
    before = everything()
    for code in (printed_code(order.pk, 1), f"{order.reference}-1"):
        answer = scan(mode, code, actor=salma)
        assert (answer.outcome, answer.code) == ("refused", "wrong_status")
        assert answer.why == (
            f"This is parcel 1 of {order.reference}. The order was renewed: parcel 2 counts now."
        )
    assert everything() == before
    assert scan("ship", printed_code(order.pk, 2), actor=salma).code == "done"


def test_the_goods_of_an_earlier_trip_are_put_back_without_touching_the_order(
    world: World, salma: Actor
) -> None:
    order = world.walk(world.order(status="RETURNED"), "renew")
    code = printed_code(order.pk, 1)
    assert world.shelf() == (8, 0)
    answer = scan("restock", code, actor=salma)
    order.refresh_from_db()
    assert (answer.code, order.status, world.shelf()) == ("done", "NEW", (10, 0))
    assert answer.message == f"The parcel of {order.reference}, cycle 1, came back."
    assert scan("restock", code, actor=salma).code == "already_done"
    assert world.shelf() == (10, 0)
    before = everything()
    assert undo_scan(answer.attempt_id or 0, actor=salma).code == "wrong_status"
    assert everything() == before
    assert not any(r.can_undo for r in read_recent_scans(salma.user_id or 0, scanning.ScanMode.RESTOCK))
    assert ledger_equals_stock()


def test_the_code_of_a_trip_that_never_was_is_unknown(world: World, salma: Actor) -> None:
    order = world.order()
    assert scan("pack", printed_code(order.pk, 2), actor=salma).code == "unknown"
    assert scan("pack", f"{order.reference}-2", actor=salma).code == "unknown"
    order.refresh_from_db()
    assert order.status == "NEW"


# --- refusals and their words -------------------------------------------------------


def test_a_canceled_order_says_who_when_and_what_to_do_now(world: World, salma: Actor) -> None:
    order = world.order()
    moment = dt.datetime(2026, 11, 20, 9, 42, tzinfo=dt.UTC)  # 10:42 in Casablanca
    move_orders("cancel", [order.pk], actor=salma, message="Wrong number", at=moment)
    answer = scan("pack", order.reference, actor=salma, at=moment + dt.timedelta(hours=1))
    assert (answer.outcome, answer.code) == ("refused", "canceled")
    assert answer.message == (
        f"{order.reference} was canceled today 10:42 by Salma. Put the parcel aside for put-back."
    )
    assert (answer.what, answer.next_step) == (order.reference, "Put the parcel aside for put-back.")
    assert answer.order == {"id": str(order.pk), "reference": order.reference, "status": "CANCELED"}


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (dt.timedelta(hours=1), "today 10:42"),
        (dt.timedelta(days=1), "yesterday 10:42"),
        (dt.timedelta(days=3), "20 Nov 10:42"),
        (dt.timedelta(days=60), "20 Nov 2026 10:42"),
    ],
)
def test_an_earlier_moment_is_said_as_people_say_it(
    world: World, salma: Actor, later: dt.timedelta, words: str
) -> None:
    order = world.order()
    moment = dt.datetime(2026, 11, 20, 9, 42, tzinfo=dt.UTC)
    move_orders("pack", [order.pk], actor=salma, at=moment)
    answer = scan("pack", order.reference, actor=salma, at=moment + later)
    assert answer.why == f"{order.reference} is Packed already: {words} by Salma."


def test_an_order_where_it_was_to_go_is_already_done(world: World, salma: Actor) -> None:
    order = world.order()
    scan("pack", order.reference, actor=salma)
    before = everything()
    answer = scan("pack", order.reference, actor=salma)
    assert (answer.outcome, answer.code) == ("already_done", "already_done")
    assert "by Salma" in answer.why
    assert everything() == before
    assert kept().outcome == "already_done"


@pytest.mark.parametrize(
    ("mode", "status", "next_step"),
    [
        ("ship", "NEW", "Pack it first, then scan it here again."),
        ("ship", "PREPARING", "Pack it first, then scan it here again."),
        ("ship", "OUT_OF_STOCK", "Put the parcel aside: renew the order when the goods are in."),
        ("ship", "DELIVERED", "Take the parcel to the return bench."),
        ("pack", "SHIPPED", "Take the parcel to the return bench."),
        ("pack", "RETURNED", "Take the parcel to the return bench."),
        ("deliver", "PACKED", "Ship it first, then scan it here again."),
        ("deliver", "RETURN_RECEIVED", "The parcel came back: take it to the return bench."),
        ("return", "PACKED", "It never left: put it back with the parcels to ship, or cancel it."),
        ("receive", "SHIPPED", "Scan it at Return first, then here again."),
        ("restock", "SHIPPED", "Scan it at Return and Receive first, then here again."),
        ("restock", "RETURNED", "Scan it at Return and Receive first, then here again."),
        ("cancel", "SHIPPED", "It is on the road: ask the company to bring it back."),
        ("cancel", "DELIVERED", "Take the parcel to the return bench."),
        ("deliver", "CANCELED", "Put the parcel aside for put-back."),
    ],
)
def test_a_refusal_says_what_to_do_now_and_changes_nothing(
    world: World, salma: Actor, mode: str, status: str, next_step: str
) -> None:
    order = world.order(status=status)
    before = everything()
    answer = scan(mode, order.reference, actor=salma, reason="because")
    assert answer.outcome == "refused"
    assert answer.code == ("canceled" if status == "CANCELED" else "wrong_status")
    assert answer.next_step == next_step
    assert order.reference in answer.why
    assert everything() == before


def test_a_shortage_at_the_bench_names_what_lacks(world: World, salma: Actor) -> None:
    order = world.order([("MUG", 12)])
    answer = scan("pack", order.reference, actor=salma)
    order.refresh_from_db()
    assert (answer.outcome, answer.code, order.status) == ("refused", "out_of_stock", "OUT_OF_STOCK")
    assert "MUG needs 12, 10 available" in answer.why
    assert answer.next_step == "Put back what you have gathered. The order waits under Out of stock."
    assert kept().event_id == OrderEvent.objects.latest("id").pk


def test_goods_packed_elsewhere_are_refused_with_the_right_warehouse(world: World, salma: Actor) -> None:
    order = world.order(status="PACKED")
    other = Warehouse.objects.create(code="rabat", name="Rabat")
    before = everything()
    answer = scan("ship", order.reference, actor=salma, warehouse_id=other.pk)
    assert (answer.outcome, answer.code) == ("refused", "other_warehouse")
    assert "Casablanca" in answer.message
    assert everything() == before


def test_a_parcel_of_another_warehouse_is_not_called_out_of_stock(world: World, salma: Actor) -> None:
    rabat = Warehouse.objects.create(code="rabat", name="Rabat")
    order = world.order()
    before = everything()
    answer = scan("pack", order.reference, actor=salma, warehouse_id=rabat.pk)
    assert (answer.outcome, answer.code) == ("refused", "other_warehouse")
    assert answer.message == (
        f"{order.reference} is to be packed in Casablanca. Its goods are not on the shelf here."
        " Take it there, or choose that warehouse above."
    )
    assert everything() == before
    assert (kept().code, kept().order_id) == ("other_warehouse", order.pk)


def test_an_order_is_packed_from_the_shelf_of_the_bench_that_has_its_goods(
    world: World, salma: Actor
) -> None:
    rabat = Warehouse.objects.create(code="rabat", name="Rabat")
    world.receive(world.product("MUG"), 5, warehouse=rabat)
    order = world.order()
    assert scan("pack", order.reference, actor=salma, warehouse_id=rabat.pk).code == "done"
    order.refresh_from_db()
    assert (order.warehouse_id, world.shelf(warehouse=rabat), world.shelf()) == (rabat.pk, (5, 2), (10, 0))


def test_a_person_without_the_steps_permission_is_not_let_through(world: World) -> None:
    order = world.order()
    packer = someone(world, "packer", permissions=frozenset({"markAsPackedByScanner"}))
    with pytest.raises(NotAllowed):
        scan("cancel", order.reference, actor=packer, reason="because")
    assert not ScanAttempt.objects.exists()
    order.refresh_from_db()
    assert order.status == "NEW"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"occurred_on": dt.date(2100, 1, 1)}, "date"),
        ({"warehouse_id": 999_999}, "warehouseId"),
    ],
)
def test_a_wrong_call_is_kept_without_its_nonce(
    world: World, salma: Actor, said: dict[str, Any], field: str
) -> None:
    order = world.order()
    before = everything()
    with pytest.raises(InvalidInput) as refused:
        scan("pack", order.reference, actor=salma, nonce="n-1", **said)
    assert list(refused.value.errors) == [field]
    assert everything() == before
    assert (kept().code, kept().nonce) == ("invalid", None)
    assert scan("pack", order.reference, actor=salma, nonce="n-1").code == "done"


@pytest.mark.parametrize(
    ("mode", "scanned", "said", "field"),
    [
        ("pack", " ", {}, "reference"),
        ("cancel", "ORD-000001", {}, "description"),
        ("pack", "ORD-000001", {"nonce": "a b"}, "nonce"),
        ("pack", "ORD-000001", {"nonce": "n" * 65}, "nonce"),
    ],
)
def test_a_call_without_what_it_needs_is_refused(
    world: World, salma: Actor, mode: str, scanned: str, said: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        scan(mode, scanned, actor=salma, **said)
    assert list(refused.value.errors) == [field]


def test_rows_that_stay_taken_are_answered_and_may_be_sent_again(
    world: World, salma: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = world.order()

    def taken(*_: Any, **__: Any) -> Any:
        raise Locked("taken")

    with monkeypatch.context() as patched:
        patched.setattr(scanning, "move_orders", taken)
        answer = scan("pack", order.reference, actor=salma, nonce="n-1")
    assert (answer.outcome, answer.code, kept().nonce) == ("refused", "locked", None)
    assert scan("pack", order.reference, actor=salma, nonce="n-1").code == "done"


# --- once ----------------------------------------------------------------------------


def test_a_resent_scan_answers_the_first_words_whatever_happened_since(world: World, salma: Actor) -> None:
    order = world.order()
    first = scan("pack", order.reference, actor=salma, nonce="n-1")
    move_orders("cancel", [order.pk], actor=salma, message="because")
    before = everything()
    again = scan("pack", order.reference, actor=salma, nonce="n-1")
    assert again.as_json() == {
        "outcome": "duplicate_ignored",
        "code": "duplicate_ignored",
        "message": first.message,
        "order": first.order,
        "first": {"outcome": "done", "code": "done"},
    }
    assert everything() == before
    assert ScanAttempt.objects.count() == 1


def test_a_resent_refusal_does_not_become_a_success(world: World, salma: Actor) -> None:
    order = world.order()
    first = scan("ship", order.reference, actor=salma, nonce="n-1")
    world.walk(order, "pack")
    again = scan("ship", order.reference, actor=salma, nonce="n-1")
    order.refresh_from_db()
    assert (first.code, again.code, again.message) == ("wrong_status", "duplicate_ignored", first.message)
    assert again.first == {"outcome": "refused", "code": "wrong_status"}
    assert order.status == "PACKED"


def test_a_nonce_belongs_to_its_person(world: World, salma: Actor) -> None:
    first, second = world.order(), world.order()
    scan("pack", first.reference, actor=salma, nonce="n-1")
    karim = someone(world, "karim")
    assert scan("pack", second.reference, actor=karim, nonce="n-1").code == "done"


@pytest.mark.parametrize("changed", ["mode", "code"])
def test_a_nonce_used_for_another_scan_is_refused(world: World, salma: Actor, changed: str) -> None:
    first, second = world.order(), world.order()
    scan("pack", first.reference, actor=salma, nonce="n-1")
    before = everything()
    mode, order = ("ship", first) if changed == "mode" else ("pack", second)
    with pytest.raises(InvalidInput) as refused:
        scan(mode, order.reference, actor=salma, nonce="n-1")
    assert list(refused.value.errors) == ["nonce"]
    assert everything() == before


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What the works returned, started at the same moment, each with a connection of its own."""
    start = threading.Barrier(len(works))
    answers: list[Any] = [None] * len(works)

    def run(place: int, work: Callable[[], Any]) -> None:
        try:
            start.wait(timeout=10)
            answers[place] = work()
        except Exception as error:  # shown by the assertion
            answers[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers


@pytest.mark.django_db(transaction=True)
def test_the_same_scan_sent_twice_at_once_counts_once() -> None:
    world = World()
    salma = someone(world)
    for _ in range(5):
        order = world.order([("MUG", 1)])
        nonce = f"n-{order.pk}"
        answers = at_once(
            *[lambda: scan("pack", order.reference, actor=salma, nonce=nonce)] * 2  # noqa: B023
        )
        assert sorted(answer.code for answer in answers) == ["done", "duplicate_ignored"]
        assert OrderEvent.objects.filter(order=order).count() == 1
        assert ScanAttempt.objects.filter(nonce=nonce).count() == 1
    assert world.shelf() == (10, 5)


@pytest.mark.django_db(transaction=True)
def test_without_the_constraint_the_same_scan_would_count_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the test above would fail if the nonce were not claimed."""
    world = World()
    salma = someone(world)
    order = world.order()
    claim = scanning._claim

    def claim_without_nonce(attempt: ScanAttempt) -> bool:
        attempt.nonce = None
        return claim(attempt)

    monkeypatch.setattr(scanning, "_claim", claim_without_nonce)
    answers = at_once(*[lambda: scan("pack", order.reference, actor=salma, nonce="n-1")] * 2)
    assert sorted(answer.code for answer in answers) == ["already_done", "done"]
    assert ScanAttempt.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_many_scanners_on_one_order_one_ships_it() -> None:
    world = World()
    order = world.order(status="PACKED")
    people = [someone(world, f"person{number}") for number in range(8)]
    answers = at_once(
        *[lambda actor=actor: scan("ship", order.reference, actor=actor, nonce="n") for actor in people]
    )
    assert sorted(answer.code for answer in answers) == ["already_done"] * 7 + ["done"]
    assert world.shelf() == (8, 0)
    assert ScanAttempt.objects.count() == 8
    assert ledger_equals_stock()


@pytest.mark.django_db(transaction=True)
def test_scanners_that_compete_for_the_last_units_never_oversell() -> None:
    world = World(units=5)
    orders = [world.order([("MUG", 1)]) for _ in range(8)]
    people = [someone(world, f"person{number}") for number in range(8)]
    answers = at_once(
        *[
            lambda pair=pair: scan("pack", pair[0].reference, actor=pair[1])
            for pair in zip(orders, people, strict=True)
        ]
    )
    assert sorted(answer.code for answer in answers) == ["done"] * 5 + ["out_of_stock"] * 3
    assert world.shelf() == (5, 5)
    assert ledger_equals_stock()


# --- undo -----------------------------------------------------------------------------


def test_a_scan_is_undone_by_who_made_it(world: World, salma: Actor) -> None:
    order = world.order()
    attempt_id = scan("pack", order.reference, actor=salma).attempt_id
    assert attempt_id is not None
    answer = undo_scan(attempt_id, actor=salma)
    order.refresh_from_db()
    assert (answer.code, order.status, world.shelf()) == ("done", "NEW", (10, 0))
    assert answer.message == f"{order.reference} is New now."
    assert OrderEvent.objects.latest("id").reverses_id == ScanAttempt.objects.get(pk=attempt_id).event_id


def test_a_scan_is_undone_once(world: World, salma: Actor) -> None:
    order = world.order()
    attempt_id = scan("pack", order.reference, actor=salma).attempt_id or 0
    undo_scan(attempt_id, actor=salma)
    before = everything()
    assert undo_scan(attempt_id, actor=salma).code == "wrong_status"
    assert everything() == before


def test_an_undo_does_not_take_back_a_later_step(world: World, salma: Actor) -> None:
    order = world.order()
    packed = scan("pack", order.reference, actor=salma).attempt_id or 0
    scan("ship", order.reference, actor=salma)
    before = everything()
    answer = undo_scan(packed, actor=salma)
    assert (answer.code, answer.why) == ("wrong_status", f"{order.reference} has moved on since this scan.")
    assert everything() == before


def test_an_undo_after_15_minutes_is_refused(world: World, salma: Actor) -> None:
    order = world.order()
    moment = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
    attempt_id = scan("pack", order.reference, actor=salma, at=moment).attempt_id or 0
    before = everything()
    answer = undo_scan(attempt_id, actor=salma, at=moment + dt.timedelta(minutes=15, seconds=1))
    assert answer.code == "not_allowed"
    assert everything() == before
    assert undo_scan(attempt_id, actor=salma, at=moment + dt.timedelta(minutes=15)).code == "done"


def test_somebody_elses_scan_is_not_there_to_undo(world: World, salma: Actor) -> None:
    attempt_id = scan("pack", world.order().reference, actor=salma).attempt_id or 0
    before = everything()
    with pytest.raises(NotThere):
        undo_scan(attempt_id, actor=someone(world, "karim"))
    assert everything() == before


def test_a_scan_that_changed_nothing_has_nothing_to_undo(world: World, salma: Actor) -> None:
    short = world.order([("MUG", 12)])
    attempt_id = scan("pack", short.reference, actor=salma).attempt_id or 0
    before = everything()
    assert undo_scan(attempt_id, actor=salma).code == "wrong_status"
    assert everything() == before


# --- beside the answer ------------------------------------------------------------------


def test_the_last_scans_come_newest_first_and_name_the_one_to_undo(world: World, salma: Actor) -> None:
    first, second = world.order(), world.order()
    scan("pack", first.reference, actor=salma)
    scan("pack", second.reference, actor=salma)
    scan("pack", "nothing", actor=salma)
    scan("ship", second.reference, actor=salma)  # another bench
    shown = read_recent_scans(salma.user_id or 0, scanning.ScanMode.PACK)
    assert [(r.attempt.scanned, r.can_undo, r.is_undone) for r in shown] == [
        ("nothing", False, False),
        (second.reference, True, False),
        (first.reference, False, False),
    ]


def test_undone_scans_are_shown_so_and_not_counted(world: World, salma: Actor) -> None:
    first, second = world.order(), world.order()
    scan("pack", first.reference, actor=salma)
    undone = scan("pack", second.reference, actor=salma).attempt_id or 0
    scan("pack", first.reference, actor=salma)
    scan("pack", "nothing", actor=salma)
    undo_scan(undone, actor=salma)
    shown = read_recent_scans(salma.user_id or 0, scanning.ScanMode.PACK)
    assert [(r.attempt.outcome, r.can_undo, r.is_undone) for r in shown] == [
        ("unknown", False, False),
        ("already_done", False, False),
        ("done", False, True),
        ("done", True, False),
    ]
    midnight = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    counts = count_scans(salma.user_id or 0, since=midnight)
    assert counts[scanning.ScanMode.PACK] == {"done": 1, "already_done": 1, "unknown": 1}
    assert counts[scanning.ScanMode.SHIP] == {}


def test_counts_are_of_today_and_of_oneself(world: World, salma: Actor) -> None:
    today = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
    order = world.order()
    scan("pack", order.reference, actor=salma, at=today - dt.timedelta(days=1))
    scan("pack", order.reference, actor=someone(world, "karim"), at=today)
    counts = count_scans(salma.user_id or 0, since=today.replace(hour=0))
    assert not any(counts.values())


# --- how much it asks of the database ---------------------------------------------------


def statements(work: Callable[[], Any]) -> int:
    """Statements beside transaction control."""
    with CaptureQueriesContext(connection) as captured:
        work()
    control = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
    return sum(not query["sql"].startswith(control) for query in captured.captured_queries)


def test_a_scan_takes_as_many_statements_for_twenty_lines_as_for_one(world: World, salma: Actor) -> None:
    small, large = world.order([("MUG", 1)]), world.order([(f"SKU{n}", 1) for n in range(20)])
    assert statements(lambda: scan("pack", small.reference, actor=salma)) == 9
    assert statements(lambda: scan("pack", large.reference, actor=salma)) == 9


def test_shipping_by_scan_takes_eleven_statements(world: World, salma: Actor) -> None:
    order = world.order(status="PACKED")
    warehouse_id = world.warehouse.pk
    assert (
        statements(lambda: scan("ship", order.reference, actor=salma, warehouse_id=warehouse_id, nonce="n"))
        == 11
    )


def test_looking_a_code_up_reads_each_kind_of_code_by_its_own_index(world: World, salma: Actor) -> None:
    order = world.order(external_reference="A-1", tracking="T-1")
    values = model_to_dict(order, exclude=["id", "tab", "merchant", "warehouse", "reference"])
    values |= {"merchant": world.merchant, "warehouse": world.warehouse}
    Order.objects.bulk_create(
        Order(**{**values, "reference": f"R{n}", "external_reference": f"E{n}", "tracking": f"T{n}"})
        for n in range(1000)
    )
    with CaptureQueriesContext(connection) as captured:
        scanning.resolve_code(read_scanned(printed_code(order.pk, 1), keys=order.reference), salma)
    (query,) = captured.captured_queries
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orders_order")
        explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
        cursor.execute(f"{explain} {query['sql']}")
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
    assert not re.search("SCAN orders_order|Seq Scan on orders_order", plan), plan
    for index in ("external_reference", "tracking", "reference", "pkey|PRIMARY KEY"):
        assert re.search(rf"(USING|Scan using|Index Scan on) .*({index})", plan), plan
