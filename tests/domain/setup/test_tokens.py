"""Programs' tokens: their form, what is kept of them, rotation, revocation, and who may issue them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import zlib
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.refusals import InvalidInput, NotAllowed, NotThere, Refusal
from orders.domain.setup.tokens import (
    TokenDraft,
    actor_with,
    ending_soon,
    find_token,
    is_well_formed,
    issue_token,
    note_use,
    revoke_token,
    rotate_token,
    tokens_for,
)
from orders.models import ActorKind, ApiToken, SettingChange
from tests.world import SYSTEM, World

pytestmark = pytest.mark.django_db
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def world() -> World:
    return World()


def draft(world: World, **said) -> TokenDraft:
    values = {"merchant_id": world.merchant.pk, "name": "ci", "abilities": frozenset({"view", "create"})}
    return TokenDraft(**values | said)


def staff(*permissions: str, merchant_id: int | None = None) -> Actor:
    return Actor(
        kind=ActorKind.USER,
        name="Amal",
        source="dashboard",
        merchant_id=merchant_id,
        permissions=frozenset(permissions),
    )


class TestTheForm:
    def test_is_a_beginning_thirty_signs_and_their_checksum(self, world: World) -> None:
        secret = issue_token(draft(world), actor=SYSTEM).secret
        parts = re.fullmatch(r"pk_live_([0-9A-Za-z]{30})([0-9A-Za-z]{6})", secret)
        assert parts is not None
        number = 0
        for sign in parts[2]:
            number = number * 62 + BASE62.index(sign)
        assert number == zlib.crc32(parts[1].encode())

    def test_only_a_hash_and_the_ends_are_kept(self, world: World) -> None:
        issued = issue_token(draft(world), actor=SYSTEM)
        row = ApiToken.objects.values().get()
        assert row["digest"] == hashlib.sha256(issued.secret.encode()).hexdigest()
        assert issued.secret not in repr(row)
        assert issued.secret not in repr(issued)
        assert issued.token.shown == f"{issued.secret[:12]}…{issued.secret[-4:]}"

    def test_a_mistyped_token_never_reaches_the_database(self, world: World) -> None:
        secret = issue_token(draft(world), actor=SYSTEM).secret
        other = "A" if secret[20] != "A" else "B"
        with CaptureQueriesContext(connection) as captured:
            for wrong in (secret[:20] + other + secret[21:], secret[:-1], secret + "A", "", "pk_live_", "é"):
                assert not is_well_formed(wrong)
                assert find_token(wrong) is None
        assert len(captured) == 0


class TestFinding:
    def test_takes_one_statement(self, world: World) -> None:
        issued = issue_token(draft(world), actor=SYSTEM)
        with CaptureQueriesContext(connection) as captured:
            found = find_token(issued.secret)
            assert found is not None
            assert found.merchant.slug == "atlas"
        assert (found.pk, len(captured)) == (issued.token.pk, 1)

    def test_lives_one_year_unless_said_otherwise(self, world: World) -> None:
        token = issue_token(draft(world), actor=SYSTEM).token
        assert token.expires_at - token.created_at == dt.timedelta(days=365)

    def test_an_expired_one_opens_nothing(self, world: World) -> None:
        issued = issue_token(draft(world), actor=SYSTEM)
        ApiToken.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
        assert find_token(issued.secret) is None

    def test_a_revoked_one_opens_nothing_at_once(self, world: World) -> None:
        issued = issue_token(draft(world), actor=SYSTEM)
        revoke_token(issued.token.pk, actor=SYSTEM)
        assert find_token(issued.secret) is None

    def test_one_whose_maker_or_merchant_is_switched_off_opens_nothing(self, world: World) -> None:
        person = world.person()
        maker = Actor(kind=ActorKind.USER, name="A", source="dashboard", user_id=person.pk, permissions=None)
        issued = issue_token(draft(world), actor=maker)
        assert find_token(issued.secret) is not None
        person.is_active = False
        person.save()
        assert find_token(issued.secret) is None
        person.is_active = True
        person.save()
        world.merchant.is_active = False
        world.merchant.save()
        assert find_token(issued.secret) is None

    def test_with_a_key_both_have_to_belong_together(self, world: World) -> None:
        issued, other = (issue_token(draft(world), actor=SYSTEM) for _ in range(2))
        assert find_token(issued.secret, key=issued.token.key) is not None
        assert find_token(issued.secret, key=other.token.key) is None
        assert find_token(issued.secret, key="") is None

    def test_use_is_noted_at_most_once_a_minute(self, world: World) -> None:
        token = issue_token(draft(world), actor=SYSTEM).token
        note_use(token, address="10.0.0.1")
        token.refresh_from_db()
        first = token.last_used_at
        assert token.last_used_address == "10.0.0.1"
        with CaptureQueriesContext(connection) as captured:
            note_use(token, address="10.0.0.2")
        token.refresh_from_db()
        assert (token.last_used_at, token.last_used_address, len(captured)) == (first, "10.0.0.1", 0)

    def test_history_names_the_token_without_showing_it(self, world: World) -> None:
        issued = issue_token(draft(world), actor=SYSTEM)
        actor = actor_with(issued.token, source="api:v1")
        assert actor.name == f"ci ({issued.token.shown})"
        assert (actor.kind, actor.merchant_id, actor.source) == ("token", world.merchant.pk, "api:v1")
        assert actor.permissions == {"view_order", "add_order"}


class TestRotationAndRevocation:
    def test_two_live_at_once_until_the_earlier_is_revoked(self, world: World) -> None:
        old = issue_token(draft(world, rate=90), actor=SYSTEM)
        new = rotate_token(old.token.pk, actor=SYSTEM)
        assert find_token(old.secret) is not None
        assert find_token(new.secret) is not None
        assert (new.token.name, new.token.abilities, new.token.rate) == ("ci", ("view", "create"), 90)
        revoke_token(old.token.pk, actor=SYSTEM)
        assert find_token(old.secret) is None
        assert find_token(new.secret) is not None

    def test_no_third_one_lives_beside_them(self, world: World) -> None:
        old = issue_token(draft(world), actor=SYSTEM)
        rotate_token(old.token.pk, actor=SYSTEM)
        with pytest.raises(Refusal) as refused:
            rotate_token(old.token.pk, actor=SYSTEM)
        assert refused.value.code == "wrong_status"
        assert ApiToken.objects.count() == 2

    def test_a_dead_one_is_not_rotated(self, world: World) -> None:
        old = issue_token(draft(world), actor=SYSTEM)
        revoke_token(old.token.pk, actor=SYSTEM)
        with pytest.raises(Refusal):
            rotate_token(old.token.pk, actor=SYSTEM)
        assert ApiToken.objects.count() == 1

    def test_each_is_written_down_once(self, world: World) -> None:
        old = issue_token(draft(world), actor=SYSTEM)
        new = rotate_token(old.token.pk, actor=SYSTEM)
        for _ in range(2):
            revoke_token(old.token.pk, actor=SYSTEM)
        rows = SettingChange.objects.order_by("id").values_list("subject", "subject_id", "verb")
        assert list(rows) == [
            ("token", old.token.pk, "made"),
            ("token", new.token.pk, "made"),
            ("token", old.token.pk, "removed"),
        ]
        assert old.secret not in str(list(SettingChange.objects.values()))

    def test_the_last_two_weeks_are_warned_of_until_it_is_rotated(self, world: World) -> None:
        token = issue_token(draft(world), actor=SYSTEM).token
        assert ending_soon(tokens_for(SYSTEM), token.expires_at - dt.timedelta(days=15)) == []
        late = token.expires_at - dt.timedelta(days=13)
        assert ending_soon(tokens_for(SYSTEM), late) == [token]
        ApiToken.objects.update(
            created_at=late - dt.timedelta(days=352), expires_at=timezone.now() + dt.timedelta(9)
        )
        assert ending_soon(tokens_for(SYSTEM)) == [token]
        rotate_token(token.pk, actor=SYSTEM)
        assert token not in ending_soon(tokens_for(SYSTEM))


class TestWhoMayIssue:
    @pytest.mark.parametrize(
        "actor", [staff("view_order"), Actor(kind=ActorKind.TOKEN, name="t", source="api")]
    )
    def test_nobody_without_the_right_and_no_token(self, world: World, actor: Actor) -> None:
        token = issue_token(draft(world), actor=SYSTEM).token
        for refused in (
            lambda: issue_token(draft(world), actor=actor),
            lambda: rotate_token(token.pk, actor=actor),
            lambda: revoke_token(token.pk, actor=actor),
            lambda: tokens_for(actor),
        ):
            with pytest.raises(NotAllowed):
                refused()
        assert ApiToken.objects.filter(revoked_at__isnull=True).count() == 1

    def test_another_merchants_token_is_not_there(self, world: World) -> None:
        theirs = issue_token(draft(World(slug="casbah")), actor=SYSTEM).token
        ours = staff("issueApiTokens", merchant_id=world.merchant.pk)
        for refused in (rotate_token, revoke_token):
            with pytest.raises(NotThere):
                refused(theirs.pk, actor=ours)
        assert list(tokens_for(ours)) == []
        with pytest.raises(InvalidInput) as invalid:
            issue_token(draft(world, merchant_id=theirs.merchant_id), actor=ours)
        assert list(invalid.value.errors) == ["merchant"]

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"name": "\u200b"}, "name"),
            ({"name": "x" * 81}, "name"),
            ({"abilities": frozenset()}, "abilities"),
            ({"abilities": frozenset({"root"})}, "abilities"),
            ({"rate": 0}, "rate"),
            ({"rate": 6001}, "rate"),
            ({"expires_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}, "expires_at"),
            ({"merchant_id": 999_999}, "merchant"),
        ],
    )
    def test_a_wrong_draft_is_refused_by_field(self, world: World, said: dict, field: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            issue_token(draft(world, **said), actor=SYSTEM)
        assert list(refused.value.errors) == [field]
        assert ApiToken.objects.count() == 0


class TestTheCommand:
    def run(self, *arguments: str) -> str:
        out = StringIO()
        call_command("create_token", *arguments, stdout=out)
        return out.getvalue()

    def test_prints_key_and_token_as_json(self, world: World) -> None:
        printed = json.loads(self.run("--merchant", "atlas", "--name", "ci", "--abilities", "all", "--json"))
        assert set(printed) == {"key", "token"}
        token = find_token(printed["token"], key=printed["key"])
        assert token is not None
        assert token.abilities == ("view", "create", "update", "delete")

    def test_takes_single_abilities(self, world: World) -> None:
        self.run("--merchant=atlas", "--name=ci", "--abilities=orders.view,orders.delete")
        assert ApiToken.objects.get().abilities == ("view", "delete")

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--merchant=nobody", "--name=ci"),
            ("--merchant=atlas", "--name=ci", "--abilities=view"),
            ("--merchant=atlas", "--name=ci", "--abilities="),
            ("--merchant=atlas", "--name=ci", "--days=0"),
            ("--merchant=atlas", "--name= "),
        ],
    )
    def test_says_what_is_wrong_and_makes_nothing(self, world: World, arguments: tuple[str, ...]) -> None:
        with pytest.raises(CommandError):
            self.run(*arguments)
        assert ApiToken.objects.count() == 0
