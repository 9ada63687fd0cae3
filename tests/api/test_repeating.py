"""A creating call with an Idempotency-Key counts once, among rivals, after refusals and after a death."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from orders.api import repeating
from orders.domain.geography.gazetteer import load_places
from orders.models import IdempotencyKey, Order
from tests.api.conftest import Program, program
from tests.world import World, everything

URL = "/api/web/1.0/orders"


def body(name: str = "Youssef") -> dict:
    return {
        "orders": [
            {
                "full_name": name,
                "phone": "+212600000001",
                "city": "Casablanca",
                "address": "Rue 45",
                "is_fees_paid_by_customer": True,
                "total": 399,
                "products": [{"sku": "MUG", "quantity": 1, "price": 399}],
            }
        ]
    }


@pytest.fixture
def shop(world: World) -> World:
    world.product("MUG")
    return world


def send(caller: Program, key: str = "k-1", said: dict | None = None):
    return caller.post(URL, said or body(), **{"Idempotency-Key": key})


@pytest.mark.django_db
class TestOnce:
    def test_the_same_call_again_gets_the_same_answer_and_makes_nothing(
        self, shop: World, atlas: Program
    ) -> None:
        first, second = send(atlas), send(atlas)
        assert (first.status_code, second.status_code) == (200, 200)
        assert second.content == first.content
        assert second["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first
        assert Order.objects.count() == 1

    def test_v1_replays_its_201_too(self, shop: World, atlas: Program) -> None:
        said = {
            "recipient_name": "K",
            "phone": "+212661234567",
            "address": "x",
            "city": "Casablanca",
            "country": "MA",
            "items": [{"product_id": shop.product("MUG").pk, "quantity": 1}],
        }
        load_places()
        answers = [atlas.post("/api/v1/orders", said, **{"Idempotency-Key": "k"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].content == answers[1].content
        assert Order.objects.count() == 1

    def test_without_a_key_two_calls_are_two_orders(self, shop: World, atlas: Program) -> None:
        atlas.post(URL, body())
        atlas.post(URL, body())
        assert Order.objects.count() == 2

    def test_another_body_under_the_same_key_is_refused(self, shop: World, atlas: Program) -> None:
        send(atlas)
        before = everything()
        answer = send(atlas, said=body("Amina"))
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
        assert everything() == before

    def test_a_refused_call_gives_its_key_back(self, shop: World, atlas: Program) -> None:
        wrong = body("")
        assert send(atlas, said=wrong).status_code == 422
        assert not IdempotencyKey.objects.exists()
        assert send(atlas).status_code == 200

    def test_keys_belong_to_merchant_and_address(self, shop: World, atlas: Program) -> None:
        other = World(slug="casbah")
        other.product("MUG")
        assert send(atlas).status_code == send(program(other)).status_code == 200
        assert Order.objects.values("merchant").distinct().count() == 2

    def test_another_token_of_the_merchant_meets_the_same_key(self, shop: World, atlas: Program) -> None:
        assert send(atlas).content == send(program(shop)).content
        assert Order.objects.count() == 1

    @pytest.mark.parametrize("key", ["", " ", "x" * 256, "clé", "a b", "\x7f"])
    def test_a_key_that_is_none_is_400(self, shop: World, atlas: Program, key: str) -> None:
        answer = send(atlas, key)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
        assert not Order.objects.exists()

    def test_the_longest_key_is_taken(self, shop: World, atlas: Program) -> None:
        assert send(atlas, "x" * 255).status_code == 200


@pytest.mark.django_db
class TestClaims:
    def claim(self, shop: World, atlas: Program, **facts) -> IdempotencyKey:
        """A claim as a call leaves it that died before it wrote anything."""
        send(atlas)
        row = IdempotencyKey.objects.get()
        now = timezone.now()
        values = {
            "status": None,
            "answer": "",
            "owner": "another",
            "leased_until": now + dt.timedelta(seconds=30),
        } | facts
        IdempotencyKey.objects.filter(pk=row.pk).update(**values)
        return row

    def test_one_still_worked_on_is_409(self, shop: World, atlas: Program) -> None:
        self.claim(shop, atlas)
        before = everything()
        answer = send(atlas)
        assert (answer.status_code, answer["Retry-After"]) == (409, "1")
        assert answer.json()["code"] == "idempotency_key_in_use"
        assert everything() == before

    def test_one_whose_lease_has_ended_is_taken_over(self, shop: World, atlas: Program) -> None:
        self.claim(shop, atlas, leased_until=timezone.now() - dt.timedelta(seconds=1))
        assert send(atlas).status_code == 200
        assert IdempotencyKey.objects.get().status == 200

    def test_whoever_was_taken_over_from_writes_nothing(
        self, shop: World, atlas: Program, monkeypatch
    ) -> None:
        real = repeating._claim

        def claim_then_sleep(*said):
            claim = real(*said)
            IdempotencyKey.objects.filter(pk=claim.pk).update(owner="another")
            return claim

        monkeypatch.setattr(repeating, "_claim", claim_then_sleep)
        assert send(atlas).status_code == 409
        assert not Order.objects.exists()
        assert IdempotencyKey.objects.get().owner == "another"

    def test_a_fault_leaves_neither_order_nor_claim(self, shop: World, atlas: Program, monkeypatch) -> None:
        def fail(*_said, **_named):
            raise RuntimeError

        monkeypatch.setattr("orders.api.web.views.take_orders", fail)
        with pytest.raises(RuntimeError):
            send(atlas)
        assert not IdempotencyKey.objects.exists()

    def test_after_a_day_the_key_is_free_again(self, shop: World, atlas: Program) -> None:
        send(atlas)
        day_ago = timezone.now() - dt.timedelta(hours=24, seconds=1)
        IdempotencyKey.objects.update(claimed_at=day_ago)
        assert send(atlas, said=body("Amina")).status_code == 200
        assert Order.objects.count() == 2
        IdempotencyKey.objects.update(claimed_at=day_ago)
        repeating.forget_old_keys()
        assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_among_rivals_with_one_key_exactly_one_order_is_made() -> None:
    shop = World()
    shop.product("MUG")
    caller = program(shop)
    workers = 8
    start = threading.Barrier(workers)

    def work(_number: int) -> int:
        start.wait()
        try:
            return send(caller).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        came = Counter(pool.map(work, range(workers)))
    assert Order.objects.count() == 1
    assert came[200] >= 1
    assert set(came) <= {200, 409}
    assert send(caller).status_code == 200
    assert Order.objects.count() == 1
