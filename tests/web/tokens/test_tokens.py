"""Settings > API tokens: shown once, listed by their ends, rotated, revoked, warned of."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.utils import timezone

from orders.domain.setup.tokens import TokenDraft, find_token, issue_token
from orders.models import ApiToken
from tests.personas import JSON, at_work
from tests.world import SYSTEM, World

pytestmark = pytest.mark.django_db
URL = "/settings/tokens"
SECRET = re.compile(r"pk_live_[0-9A-Za-z]{36}")


@pytest.fixture
def world() -> World:
    return World()


def said(world: World, **more) -> dict:
    last_day = timezone.localdate() + dt.timedelta(days=30)
    return {
        "merchant": world.merchant.pk,
        "name": "web shop",
        "abilities": ["view", "create"],
        "expires_on": last_day.isoformat(),
        "rate": 90,
    } | more


def test_a_new_token_is_shown_once_with_a_line_to_try(world: World) -> None:
    admin = at_work("admin")
    answer = admin.post(f"{URL}/new", said(world))
    page = answer.content.decode()
    secret = SECRET.search(page)[0]
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    assert f"Bearer {secret}" in page
    assert "http://testserver/api/v1/orders" in page
    assert find_token(secret) is not None
    token = ApiToken.objects.get()
    assert (token.abilities, token.rate, token.created_by.username) == (("view", "create"), 90, "admin")
    listed = admin.get(URL).content.decode()
    assert secret not in listed
    assert token.shown in listed


def test_it_lives_through_its_last_day_by_the_merchants_clock(world: World) -> None:
    at_work("admin").post(f"{URL}/new", said(world))
    last_day = timezone.localdate() + dt.timedelta(days=30)
    ends = ApiToken.objects.get().expires_at.astimezone(world.merchant.zone)
    assert (ends.date(), ends.time()) == (last_day + dt.timedelta(days=1), dt.time())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "required"),
        ({"abilities": []}, "required"),
        ({"rate": 0}, "greater than or equal to 1"),
        ({"expires_on": "2020-01-01"}, "Choose a day from tomorrow"),
        ({"merchant": 999_999}, "not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_made(
    world: World, wrong: dict, words: str
) -> None:
    answer = at_work("admin").post(f"{URL}/new", said(world, **wrong))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_rotating_shows_a_new_one_and_leaves_the_old_one_live(world: World) -> None:
    old = issue_token(TokenDraft(world.merchant.pk, "ci", frozenset({"view"})), actor=SYSTEM)
    admin = at_work("admin")
    page = admin.post(f"{URL}/{old.token.pk}/rotate").content.decode()
    assert find_token(SECRET.search(page)[0]) is not None
    assert find_token(old.secret) is not None
    assert old.token.shown in page
    assert admin.post(f"{URL}/{old.token.pk}/rotate").status_code == 409
    assert ApiToken.objects.count() == 2


def test_revoking_asks_once_and_then_holds_at_once(world: World) -> None:
    issued = issue_token(TokenDraft(world.merchant.pk, "ci", frozenset({"view"})), actor=SYSTEM)
    admin = at_work("admin")
    assert "Revoke ci?" in admin.get(f"{URL}/{issued.token.pk}/revoke").content.decode()
    assert find_token(issued.secret) is not None
    answer = admin.post(f"{URL}/{issued.token.pk}/revoke", follow=True)
    assert "opens nothing any more" in answer.content.decode()
    assert find_token(issued.secret) is None


def test_what_ends_within_two_weeks_is_warned_of(world: World) -> None:
    issue_token(TokenDraft(world.merchant.pk, "ci", frozenset({"view"})), actor=SYSTEM)
    admin = at_work("admin")
    assert "Ends soon" not in admin.get(URL).content.decode()
    ApiToken.objects.update(expires_at=timezone.now() + dt.timedelta(days=13))
    page = admin.get(URL).content.decode()
    assert "Ends soon" in page
    assert "Rotate it, give the program the new token" in page


def test_programs_get_the_same_in_json(world: World) -> None:
    admin = at_work("admin")
    made = admin.post(f"{URL}/new", said(world), headers=JSON).json()["data"]
    assert find_token(made["token"], key=made["key"]) is not None
    listed = admin.get(URL, headers=JSON).json()["data"]
    assert [row["prefix"] for row in listed] == [made["prefix"]]
    assert made["token"] not in str(listed)
    wrong = admin.post(f"{URL}/new", {}, headers=JSON)
    assert (wrong.status_code, set(wrong.json()["errors"])) == (
        422,
        {"merchant", "name", "abilities", "expires_on"},
    )


def test_an_admin_of_one_merchant_makes_tokens_for_it_alone(world: World) -> None:
    theirs = World(slug="casbah")
    bound = at_work("admin", merchant=world.merchant)
    assert bound.post(f"{URL}/new", said(theirs)).status_code == 422
    issue_token(TokenDraft(theirs.merchant.pk, "theirs", frozenset({"view"})), actor=SYSTEM)
    assert "theirs" not in bound.get(URL).content.decode()
    assert bound.post(f"{URL}/new", said(world)).status_code == 201
