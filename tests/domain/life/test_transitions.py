"""Every status with every action: what it leads to, and that a refusal leaves no trace."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orders.domain.life.moving import move_orders, preview_move
from orders.domain.life.transitions import Action, allowed_actions
from orders.models import OrderEvent
from tests.world import SYSTEM, World, everything

pytestmark = pytest.mark.django_db

WAITING = "WAITING_FOR_SHIPPING_COMPANY"

# Written by hand from the table of the order's life: where each action leads from each status.
# "=" the order is there already; "." refused.
COLUMNS = (
    "pick prepare pack push unpush ship deliver return receive_return restock"
    " mark_out_of_stock cancel renew rollback"
)
GRID = """
NEW               PICKED_UP .         PACKED  WAITING . . . . . . OUT_OF_STOCK CANCELED = .
PICKED_UP         =         PREPARING PACKED  WAITING . . . . . . OUT_OF_STOCK CANCELED . .
PREPARING         .         =         PACKED  WAITING . . . . . . OUT_OF_STOCK CANCELED . .
PACKED            .         .         =       WAITING . SHIPPED . . . . OUT_OF_STOCK CANCELED . ROLLBACK
WAITING           .         .         WAITING =       NEW SHIPPED . . . . OUT_OF_STOCK CANCELED . ROLLBACK
SHIPPED           .         .         .       .       . = DELIVERED RETURNED . . . . . ROLLBACK
DELIVERED         .         .         .       .       . . = RETURNED . . . . . ROLLBACK
RETURNED          .         .         .       .       . . DELIVERED = RETURN_RECEIVED . . . NEW ROLLBACK
RETURN_RECEIVED   .         .         .       .       . . . = = RETURNED_TO_STOCK . . NEW .
RETURNED_TO_STOCK .         .         .       .       . . . = . = . . NEW .
CANCELED          .         .         .       .       . . . . . . . = NEW ROLLBACK
OUT_OF_STOCK      .         .         .       .       . . . . . . = CANCELED NEW .
"""


def _cells() -> list[tuple[str, str, str]]:
    full = {"WAITING": WAITING}
    cells = []
    for row in GRID.split("\n"):
        if not row.strip():
            continue
        status, *outcomes = row.split()
        actions = COLUMNS.split()
        assert len(outcomes) == len(actions), row
        cells += [
            (full.get(status, status), action, full.get(outcome, outcome))
            for action, outcome in zip(actions, outcomes, strict=True)
        ]
    return cells


CELLS = _cells()
LEADS_ON = [cell for cell in CELLS if cell[2] not in (".", "=")]
STAYS = [cell for cell in CELLS if cell[2] in (".", "=")]

# (on hand, reserved) of ten mugs after the action, for an order of two, where the stock has moved at all.
SHELF_AFTER = {
    ("NEW", "pack"): (10, 2),
    ("PICKED_UP", "pack"): (10, 2),
    ("PREPARING", "pack"): (10, 2),
    (WAITING, "pack"): (10, 2),
    ("PACKED", "push"): (10, 2),
    ("PACKED", "ship"): (8, 0),
    (WAITING, "ship"): (8, 0),
    ("PACKED", "mark_out_of_stock"): (10, 0),
    ("PACKED", "cancel"): (10, 0),
    ("PACKED", "rollback"): (10, 0),
    ("SHIPPED", "deliver"): (8, 0),
    ("SHIPPED", "return"): (8, 0),
    ("SHIPPED", "rollback"): (10, 2),
    ("DELIVERED", "return"): (8, 0),
    ("DELIVERED", "rollback"): (8, 0),
    ("RETURNED", "deliver"): (8, 0),
    ("RETURNED", "receive_return"): (8, 0),
    ("RETURNED", "renew"): (8, 0),
    ("RETURNED", "rollback"): (8, 0),
    ("RETURN_RECEIVED", "restock"): (10, 0),
    ("RETURN_RECEIVED", "renew"): (8, 0),
    ("RETURNED_TO_STOCK", "renew"): (10, 0),
}

# The payment after the action, for an order of 100 MAD paid on delivery, where it is not "awaiting".
PAYMENT_AFTER = {
    ("SHIPPED", "deliver"): ("collected", 100),
    ("RETURNED", "deliver"): ("collected", 100),
    ("SHIPPED", "return"): ("canceled", 0),
    ("DELIVERED", "return"): ("refunded", 0),
    ("RETURNED", "receive_return"): ("canceled", 0),
    ("RETURN_RECEIVED", "restock"): ("canceled", 0),
} | {
    (status, "cancel"): ("canceled", 0)
    for status in ("NEW", "PICKED_UP", "PREPARING", "PACKED", WAITING, "OUT_OF_STOCK")
}


@pytest.mark.parametrize(("status", "action", "target"), LEADS_ON)
def test_leads_on(status: str, action: str, target: str) -> None:
    world = World()
    order = world.order(status=status)
    version, events = order.version, OrderEvent.objects.count()

    report = move_orders(action, [order.pk], actor=SYSTEM, message="because")

    order.refresh_from_db()
    assert (order.status, order.version) == (target, version + 1)
    assert world.shelf() == SHELF_AFTER.get((status, action), (10, 0))
    payment = PAYMENT_AFTER.get((status, action), ("awaiting", 0))
    assert (order.payment_status, order.amount_collected) == (payment[0], Decimal(payment[1]))
    assert report.counts == {"done": 1, "already_done": 0, "refused": 0, "not_found": 0}
    assert report.results[0].status == target
    assert OrderEvent.objects.count() == events + 1
    event = OrderEvent.objects.latest("id")
    assert (event.action, event.from_status, event.to_status) == (action, status, target)


@pytest.mark.parametrize(("status", "action", "answer"), STAYS)
def test_stays_and_leaves_no_trace(status: str, action: str, answer: str) -> None:
    world = World()
    order = world.order(status=status)
    before = everything()

    report = move_orders(action, [order.pk], actor=SYSTEM, message="because")

    assert everything() == before
    result = report.results[0]
    assert result.status == status
    if answer == "=":
        assert result.code == "already_done"
    else:
        assert result.code == ("canceled" if status == "CANCELED" else "wrong_status")
        assert result.allowed == allowed_actions(status=status)
        assert order.reference in result.message


@pytest.mark.parametrize(("status", "action", "target"), CELLS)
def test_preview_says_what_would_happen_and_writes_nothing(status: str, action: str, target: str) -> None:
    world = World()
    order = world.order(status=status)
    before = everything()

    foreseen = preview_move(action, [order.pk], actor=SYSTEM, message="because").results[0]

    assert everything() == before
    done = move_orders(action, [order.pk], actor=SYSTEM, message="because").results[0]
    assert (foreseen.code, foreseen.message, foreseen.status) == (done.code, done.message, done.status)


# From ROLLBACK: the remembered status decides; "~" leads to the very status that is remembered.
FROM_SHIPPED = {"ship": "SHIPPED", "deliver": "DELIVERED", "return": "RETURNED"}
ROLLED_BACK = {
    # how the order got there -> (remembered, {action: target})
    ("pack",): (
        "NEW",
        {
            "pick": "PICKED_UP",
            "pack": "PACKED",
            "push": WAITING,
            "mark_out_of_stock": "OUT_OF_STOCK",
            "cancel": "CANCELED",
            "renew": "NEW",
        },
    ),
    ("pack", "ship"): (
        "PACKED",
        {
            "pack": "PACKED",
            "push": WAITING,
            "ship": "SHIPPED",
            "mark_out_of_stock": "OUT_OF_STOCK",
            "cancel": "CANCELED",
        },
    ),
    ("pack", "ship", "deliver"): ("SHIPPED", FROM_SHIPPED),
    ("pack", "ship", "return"): ("SHIPPED", FROM_SHIPPED),
    ("pack", "ship", "deliver", "return"): ("DELIVERED", {"deliver": "DELIVERED", "return": "RETURNED"}),
    ("push",): (
        "NEW",
        {
            "pick": "PICKED_UP",
            "pack": "PACKED",
            "push": WAITING,
            "mark_out_of_stock": "OUT_OF_STOCK",
            "cancel": "CANCELED",
            "renew": "NEW",
        },
    ),
    ("mark_out_of_stock", "cancel"): (
        "OUT_OF_STOCK",
        {"mark_out_of_stock": "OUT_OF_STOCK", "cancel": "CANCELED", "renew": "NEW"},
    ),
}
ROLLED_BACK_CELLS = [
    (path, remembered, action, targets.get(action, "."))
    for path, (remembered, targets) in ROLLED_BACK.items()
    for action in COLUMNS.split()
    if action != "unpush"
]


@pytest.mark.parametrize(("path", "remembered", "action", "target"), ROLLED_BACK_CELLS)
def test_a_rolled_back_order_goes_on_from_the_status_it_remembers(
    path: tuple[str, ...], remembered: str, action: str, target: str
) -> None:
    world = World()
    order = world.walk(world.order(), *path, "rollback")
    assert (order.status, order.remembered_status) == ("ROLLBACK", remembered)
    before = everything()

    result = move_orders(action, [order.pk], actor=SYSTEM, message="because").results[0]

    order.refresh_from_db()
    if target == ".":
        assert result.code == "wrong_status"
        assert everything() == before
    else:
        assert result.code == "done"
        assert (order.status, order.remembered_status) == (target, "")


def test_resuming_moves_neither_goods_nor_money_again() -> None:
    world = World()
    order = world.walk(world.order(), "pack", "ship", "rollback")
    assert world.shelf() == (10, 2)
    world.walk(order, "pack")
    assert world.shelf() == (10, 2)
    world.walk(order, "ship", "deliver", "rollback", "ship")
    assert world.shelf() == (8, 0)
    assert order.payment_status == "awaiting"


def test_a_resumed_order_rolls_back_to_the_step_before() -> None:
    world = World()
    order = world.walk(world.order(), "pack", "ship", "rollback", "pack", "rollback")
    assert (order.status, order.remembered_status) == ("ROLLBACK", "NEW")
    assert world.shelf() == (10, 0)


def test_renewing_what_remembers_new_begins_no_new_cycle() -> None:
    world = World()
    order = world.walk(world.order(), "pack", "rollback", "renew")
    assert (order.status, order.cycle) == ("NEW", 1)


def test_every_status_offers_a_way_on() -> None:
    assert {
        status: [str(action) for action in allowed_actions(status=status)]
        for status in ("SHIPPED", "DELIVERED", "OUT_OF_STOCK")
    } == {
        "SHIPPED": ["deliver", "return", "rollback"],
        "DELIVERED": ["return", "rollback"],
        "OUT_OF_STOCK": ["cancel", "renew"],
    }


def test_waiting_offers_packing_until_packed() -> None:
    assert Action.PACK in allowed_actions(status=WAITING)
    assert Action.PACK not in allowed_actions(status=WAITING, is_packed=True)


def test_packing_while_waiting_is_noted_once_and_kept_when_the_company_refuses() -> None:
    world = World()
    order = world.walk(world.order(), "push", "pack")
    assert order.status == WAITING
    assert order.packed_at is not None
    again = move_orders("pack", [order.pk], actor=SYSTEM).results[0]
    assert again.code == "already_done"
    world.walk(order, "unpush")
    assert (order.status, order.company_key, world.shelf()) == ("PACKED", "", (10, 2))
