"""People and roles: what may be changed by whom, who cannot be locked out, what is kept of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.auth.models import Group

from orders.domain.actors import Actor
from orders.domain.refusals import InvalidInput, NotAllowed, NotThere
from orders.domain.setup import people
from orders.domain.setup.people import RIGHT_WORDS, RIGHTS, PersonDraft
from orders.models import Order, SettingChange, User, Warehouse
from tests.personas import person
from tests.world import World

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-enough-secret"


@pytest.fixture
def admin() -> User:
    return person("admin")


def actor(user: User) -> Actor:
    return Actor.of(User.objects.get(pk=user.pk), source="dashboard")


def role(name: str) -> Group:
    return Group.objects.get(name=name)


def draft_of(user: User, **changed: object) -> PersonDraft:
    return replace(
        PersonDraft(
            user.username,
            user.first_name,
            user.last_name,
            user.email,
            user.merchant_id,
            user.warehouse_id,
            user.language,
            user.is_active,
            frozenset(user.groups.values_list("pk", flat=True)),
        ),
        **changed,
    )


def log() -> list[tuple[str, str, str, list[dict[str, str]]]]:
    return list(
        SettingChange.objects.order_by("id").values_list("subject", "subject_name", "verb", "changes")
    )


def state() -> list[object]:
    return [
        list(User.objects.order_by("pk").values()),
        sorted(User.groups.through.objects.values_list("user_id", "group_id")),
        sorted(Group.permissions.through.objects.values_list("group_id", "permission_id")),
        sorted(Group.objects.values_list("pk", "name")),
        SettingChange.objects.count(),
    ]


def test_every_right_that_a_role_can_hold_has_plain_words():
    codenames = {name for name, _words in Order._meta.permissions} | {
        "view_order",
        "add_order",
        "change_order",
        "delete_order",
    }
    assert set(RIGHT_WORDS) == codenames
    assert sum(len(rights) for _title, rights in RIGHTS) == len(RIGHT_WORDS)


class TestMaking:
    def test_a_person_can_log_in_with_the_first_password_and_the_log_says_who_made_them(self, admin):
        casa = Warehouse.objects.create(code="casa", name="Casablanca")
        user = people.create_person(
            PersonDraft(
                "salma",
                " Salma ",
                "B",
                "salma@example.com",
                warehouse_id=casa.pk,
                role_ids=frozenset({role("packer").pk, role("shipper").pk}),
            ),
            password=PASSWORD,
            actor=actor(admin),
        )
        user = User.objects.get(pk=user.pk)
        assert user.check_password(PASSWORD)
        assert (user.first_name, user.warehouse_id, user.is_active, user.is_staff) == (
            "Salma",
            casa.pk,
            True,
            False,
        )
        assert user.has_perm("orders.markAsPackedByScanner")
        assert log() == [
            ("person", "salma", "made", [{"field": "roles", "from": "nothing", "to": "packer, shipper"}])
        ]
        assert SettingChange.objects.get().actor_name == "Admin"

    @pytest.mark.parametrize(
        ("wrong", "password", "field"),
        [
            ({"username": ""}, PASSWORD, "username"),
            ({"username": "two words"}, PASSWORD, "username"),
            ({"username": "ADMIN"}, PASSWORD, "username"),
            ({"username": "x" * 151}, PASSWORD, "username"),
            ({"email": "no address"}, PASSWORD, "email"),
            ({"language": "tlh"}, PASSWORD, "language"),
            ({"merchant_id": 999}, PASSWORD, "merchant"),
            ({"warehouse_id": 999}, PASSWORD, "warehouse"),
            ({"role_ids": frozenset({999})}, PASSWORD, "roles"),
            ({"first_name": "a\x00b"}, PASSWORD, "first_name"),
            ({}, "short", "password"),
            ({}, "salma-salma-salma", "password"),
            ({}, "123456789012345", "password"),
        ],
    )
    def test_what_is_wrong_is_refused_at_its_field_and_nothing_is_kept(self, admin, wrong, password, field):
        before = state()
        with pytest.raises(InvalidInput) as refused:
            people.create_person(
                replace(PersonDraft("salma-salma"), **wrong), password=password, actor=actor(admin)
            )
        assert list(refused.value.errors) == [field]
        assert state() == before

    def test_a_password_never_stands_in_the_log(self, admin):
        user = people.create_person(PersonDraft("salma"), password=PASSWORD, actor=actor(admin))
        people.set_password(user.pk, "another-long-secret", actor=actor(admin))
        assert PASSWORD not in str(log())
        assert "another-long-secret" not in str(log())

    @pytest.mark.parametrize("name", ["manager", "viewer", "packer", "driver", ""])
    def test_others_than_managers_of_people_change_nobody(self, admin, name):
        stranger = actor(person(name))
        before = state()
        for call in (
            lambda: people.create_person(PersonDraft("new"), password=PASSWORD, actor=stranger),
            lambda: people.update_person(admin.pk, draft_of(admin), actor=stranger),
            lambda: people.set_password(admin.pk, PASSWORD, actor=stranger),
            lambda: people.create_role("new", [], actor=stranger),
            lambda: people.update_role(role("viewer").pk, "viewer", [], actor=stranger),
            lambda: people.remove_role(role("viewer").pk, actor=stranger),
        ):
            with pytest.raises(NotAllowed):
                call()
        assert state() == before

    def test_a_merchants_account_manages_nobody_whatever_its_role(self):
        bound = actor(person("admin", merchant=World().merchant))
        with pytest.raises(NotAllowed):
            people.create_person(PersonDraft("new"), password=PASSWORD, actor=bound)


class TestGiving:
    """The right to manage people is not the right to everything."""

    @pytest.fixture
    def clerk(self) -> User:
        """May manage people and see orders, and nothing else."""
        group = Group.objects.create(name="clerk")
        group.permissions.set(people._permissions(["manageUsers", "view_order"]))
        user = person("", username="clerk")
        user.groups.add(group)
        return user

    def test_nobody_gives_a_right_they_lack(self, clerk):
        before = state()
        for call in (
            lambda: people.create_person(
                PersonDraft("new", role_ids=frozenset({role("admin").pk})),
                password=PASSWORD,
                actor=actor(clerk),
            ),
            lambda: people.update_person(
                clerk.pk,
                draft_of(clerk, role_ids=frozenset({role("clerk").pk, role("manager").pk})),
                actor=actor(clerk),
            ),
            lambda: people.create_role("mighty", ["rollbackOrder"], actor=actor(clerk)),
            lambda: people.update_role(
                role("clerk").pk,
                "clerk",
                ["manageUsers", "view_order", "delete_order"],
                actor=actor(clerk),
            ),
        ):
            with pytest.raises(NotAllowed) as refused:
                call()
            assert "You can only give rights that you have yourself" in refused.value.message
        assert state() == before

    def test_what_they_have_they_may_give(self, clerk):
        user = people.create_person(
            PersonDraft("new", role_ids=frozenset({role("viewer").pk})),
            password=PASSWORD,
            actor=actor(clerk),
        )
        assert user.has_perm("orders.view_order")

    def test_a_role_held_before_may_stay_though_the_clerk_could_not_give_it(self, clerk):
        holder = person("viewer")
        group = Group.objects.create(name="empty")
        holder.groups.add(group)
        group.permissions.set(people._permissions(["view_order"]))
        people.update_person(holder.pk, draft_of(holder, first_name="New"), actor=actor(clerk))
        holder.refresh_from_db()
        assert holder.first_name == "New"

    def test_accounts_that_may_do_more_are_out_of_reach(self, clerk, admin):
        boss = User.objects.create_superuser("boss")
        before = state()
        for target in (admin, boss):
            with pytest.raises(NotAllowed):
                people.set_password(target.pk, PASSWORD, actor=actor(clerk))
            with pytest.raises(NotAllowed):
                people.update_person(target.pk, draft_of(target, is_active=False), actor=actor(clerk))
        with pytest.raises(NotAllowed):
            people.set_password(boss.pk, PASSWORD, actor=actor(admin))
        assert state() == before

    def test_an_account_switched_off_keeps_its_reach(self, clerk):
        former = person("admin", username="former", is_active=False)
        with pytest.raises(NotAllowed):
            people.update_person(former.pk, draft_of(former, is_active=True), actor=actor(clerk))

    def test_a_superuser_reaches_everybody(self, admin):
        boss = User.objects.create_superuser("boss")
        people.set_password(admin.pk, PASSWORD, actor=actor(boss))
        admin.refresh_from_db()
        assert admin.check_password(PASSWORD)


class TestLockingOut:
    def test_nobody_switches_off_binds_or_unrights_their_own_account(self, admin):
        merchant = World().merchant
        before = state()
        for changed, field in (
            ({"is_active": False}, "is_active"),
            ({"merchant_id": merchant.pk}, "merchant"),
            ({"role_ids": frozenset({role("manager").pk})}, "roles"),
        ):
            with pytest.raises(InvalidInput) as refused:
                people.update_person(admin.pk, draft_of(admin, **changed), actor=actor(admin))
            assert list(refused.value.errors) == [field]
        assert state() == before

    def test_the_role_that_lets_them_manage_people_keeps_that_right(self, admin):
        rights = [name for name in RIGHT_WORDS if name != "manageUsers"]
        before = state()
        with pytest.raises(InvalidInput) as refused:
            people.update_role(role("admin").pk, "admin", rights, actor=actor(admin))
        assert list(refused.value.errors) == ["rights"]
        assert state() == before
        second = Group.objects.create(name="second")
        second.permissions.set(people._permissions(["manageUsers"]))
        admin.groups.add(second)
        people.update_role(role("admin").pk, "admin", rights, actor=actor(admin))
        assert not role("admin").permissions.filter(codename="manageUsers").exists()

    def test_another_admin_may_do_it(self, admin):
        other = person("admin", username="other")
        people.update_person(other.pk, draft_of(other, is_active=False), actor=actor(admin))
        other.refresh_from_db()
        assert other.is_active is False


class TestChanging:
    def test_the_log_says_what_it_was_and_what_it_is(self, admin):
        merchant = World().merchant
        user = person("packer")
        people.update_person(
            user.pk,
            draft_of(
                user,
                first_name="Omar",
                merchant_id=merchant.pk,
                role_ids=frozenset({role("viewer").pk}),
            ),
            actor=actor(admin),
        )
        assert log() == [
            (
                "person",
                "packer",
                "changed",
                [
                    {"field": "first name", "from": "Packer", "to": "Omar"},
                    {"field": "merchant", "from": "nothing", "to": "Atlas"},
                    {"field": "roles", "from": "packer", "to": "viewer"},
                ],
            )
        ]

    def test_nothing_changed_leaves_no_entry(self, admin):
        user = person("packer")
        people.update_person(user.pk, draft_of(user), actor=actor(admin))
        assert log() == []

    def test_nobody_who_is_not_there_is_changed(self, admin):
        with pytest.raises(NotThere):
            people.update_person(999_999, PersonDraft("x"), actor=actor(admin))
        with pytest.raises(NotThere):
            people.set_password(999_999, PASSWORD, actor=actor(admin))

    def test_ones_own_profile_changes_name_and_warehouse_and_nothing_else(self):
        user = person("packer")
        casa = Warehouse.objects.create(code="casa", name="Casablanca")
        said = {"first_name": "Omar", "last_name": "F", "language": "en", "warehouse_id": casa.pk}
        people.update_profile(user.pk, **said, actor=actor(user))
        user.refresh_from_db()
        assert (user.first_name, user.last_name, user.warehouse_id) == ("Omar", "F", casa.pk)
        assert user.is_active
        with pytest.raises(NotAllowed):
            people.update_profile(person("viewer").pk, **said, actor=actor(user))


class TestRoles:
    def test_a_role_is_made_changed_and_removed_with_an_entry_each(self, admin):
        made = people.create_role("Night shift", ["view_order", "markAsPackedByScanner"], actor=actor(admin))
        assert {p.codename for p in made.permissions.all()} == {"view_order", "markAsPackedByScanner"}
        people.update_role(made.pk, "Night", ["view_order", "printLabels"], actor=actor(admin))
        assert {p.codename for p in role("Night").permissions.all()} == {"view_order", "printLabels"}
        people.remove_role(made.pk, actor=actor(admin))
        assert not Group.objects.filter(pk=made.pk).exists()
        assert [(name, verb) for _subject, name, verb, _changes in log()] == [
            ("Night shift", "made"),
            ("Night", "changed"),
            ("Night", "removed"),
        ]
        assert log()[1][3] == [
            {
                "field": "rights",
                "from": "Pick, prepare and pack, and mark out of stock",
                "to": "Print labels",
            },
            {"field": "name", "from": "Night shift", "to": "Night"},
        ]

    def test_a_role_that_somebody_has_is_not_removed(self, admin):
        person("viewer")
        before = state()
        with pytest.raises(InvalidInput):
            people.remove_role(role("viewer").pk, actor=actor(admin))
        assert state() == before

    @pytest.mark.parametrize(
        ("name", "rights", "field"),
        [
            ("", [], "name"),
            ("VIEWER", [], "name"),
            ("x" * 151, [], "name"),
            ("new", ["superpower"], "rights"),
        ],
    )
    def test_what_is_wrong_is_refused(self, admin, name, rights, field):
        before = state()
        with pytest.raises(InvalidInput) as refused:
            people.create_role(name, rights, actor=actor(admin))
        assert list(refused.value.errors) == [field]
        assert state() == before
