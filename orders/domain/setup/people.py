"""People and their roles: made, changed, let go; nobody is deleted, and nobody is locked out by themselves.

How a person proves who they are, and what a page looks like, is the doors' business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.domain.actors import Actor
from orders.domain.reading.texts import UnusableText, clean_line
from orders.domain.refusals import InvalidInput, NotAllowed, NotThere
from orders.domain.setup.changes import Change, Noted, Subject, Verb, differences, record_changes
from orders.models import Merchant, User, Warehouse

PERMISSION = "manageUsers"
MAX_ROLE_NAME = 150
# The texts of a person, and how long each may be.
_TEXTS = {"username": 150, "first_name": 150, "last_name": 150, "email": 254}

Words = str | Promise

# Every right a role may hold, in plain words, by what it is about.
RIGHTS: tuple[tuple[Words, tuple[tuple[str, Words], ...]], ...] = (
    (
        gettext_lazy("Orders"),
        (
            ("view_order", gettext_lazy("See orders, products and stock")),
            ("add_order", gettext_lazy("Make orders by hand")),
            ("change_order", gettext_lazy("Edit orders")),
            ("delete_order", gettext_lazy("Delete orders that were never packed")),
            ("confirmOrder", gettext_lazy("Record what the call centre reached")),
            ("importOrders", gettext_lazy("Bring orders in from files")),
            ("exportOrders", gettext_lazy("Take orders out as files")),
        ),
    ),
    (
        gettext_lazy("Warehouse"),
        (
            ("markAsPackedByScanner", gettext_lazy("Pick, prepare and pack, and mark out of stock")),
            ("markAsShippedByScanner", gettext_lazy("Ship")),
            ("markAsDeliveredByScanner", gettext_lazy("Mark as delivered")),
            ("markAsReturnedByScanner", gettext_lazy("Take returns back and put them to stock")),
            ("markAsCanceledByScanner", gettext_lazy("Cancel")),
            ("ReNewOrder", gettext_lazy("Renew canceled and returned orders")),
            ("rollbackOrder", gettext_lazy("Roll a wrong step back")),
            ("printLabels", gettext_lazy("Print labels")),
            ("manageStock", gettext_lazy("Receive, adjust and count stock, edit products")),
        ),
    ),
    (
        gettext_lazy("Shipping and money"),
        (
            ("assignOrderToShippingCompany", gettext_lazy("Push orders to shipping companies")),
            ("assignOrderToDeliveryBoys", gettext_lazy("Give orders to delivery persons")),
            ("handOver", gettext_lazy("Hand parcels over to companies")),
            ("driveDeliveries", gettext_lazy("Close own deliveries on the road")),
            ("manageCash", gettext_lazy("Match statements and book cash")),
            ("manageCompanies", gettext_lazy("Set up shipping companies")),
        ),
    ),
    (
        gettext_lazy("Set-up"),
        (
            ("managePlaces", gettext_lazy("Edit cities and their spellings")),
            ("manageUsers", gettext_lazy("Manage people, roles, merchants and warehouses")),
            ("issueApiTokens", gettext_lazy("Issue keys for programs")),
        ),
    ),
)
RIGHT_WORDS: dict[str, Words] = {name: words for _title, rights in RIGHTS for name, words in rights}


@dataclass(frozen=True)
class PersonDraft:
    """A person as somebody wants them. Without a merchant they are staff, who work for every merchant."""

    username: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    merchant_id: int | None = None
    warehouse_id: int | None = None
    language: str = "en"
    is_active: bool = True
    role_ids: frozenset[int] = frozenset()


def create_person(draft: PersonDraft, *, password: str, actor: Actor) -> User:
    """The new person. Refuses with InvalidInput by field, with `not_allowed` rights the actor lacks."""
    check_manager(actor)
    draft, errors = _clean(draft)
    errors |= _taken(draft.username, but=None)
    roles = _roles(draft.role_ids, errors)
    user = User(**_columns(draft))
    errors |= _password_errors(password, user)
    if errors:
        raise InvalidInput(errors)
    _check_giving(_codenames_of(roles), actor)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
            user.groups.set(roles)
            given = _change(gettext_lazy("roles"), (), (role.name for role in roles))
            record_changes(
                [Noted(Subject.PERSON, user.pk, user.username, Verb.MADE, given)],
                actor=actor,
            )
    except IntegrityError as error:  # a rival took the name between the look and the write
        raise InvalidInput({"username": [_name_taken(draft.username)]}) from error
    return user


def update_person(user_id: int, draft: PersonDraft, *, actor: Actor) -> User:
    """The person with the draft's values; somebody inactive is logged out at once.

    Refuses to let the actor lock themselves out, to touch a person who holds rights that the
    actor lacks, and to give such rights (`not_allowed`).
    """
    check_manager(actor)
    draft, errors = _clean(draft)
    with transaction.atomic():
        user = _locked(user_id)
        _check_reach(user, actor)
        errors |= _taken(draft.username, but=user.pk)
        roles = _roles(draft.role_ids, errors)
        before = set(user.groups.all())
        if user.pk == actor.user_id:
            errors |= _lock_out_errors(user, draft, roles)
        if errors:
            raise InvalidInput(errors)
        _check_giving(_codenames_of(role for role in roles if role not in before), actor)
        changes = differences(user, _columns(draft)) + _change(
            gettext_lazy("roles"), (role.name for role in before), (role.name for role in roles)
        )
        for name, value in _columns(draft).items():
            setattr(user, name, value)
        user.save()
        user.groups.set(roles)
        record_changes([Noted(Subject.PERSON, user.pk, user.username, Verb.CHANGED, changes)], actor=actor)
    return user


def set_password(user_id: int, password: str, *, actor: Actor) -> User:
    """The person with a new password; wherever they are logged in, they are logged out."""
    check_manager(actor)
    with transaction.atomic():
        user = _locked(user_id)
        _check_reach(user, actor)
        errors = _password_errors(password, user)
        if errors:
            raise InvalidInput(errors)
        user.set_password(password)
        user.save(update_fields=["password"])
        note = Change(str(gettext_lazy("password")), "…", str(gettext_lazy("a new one")))
        record_changes([Noted(Subject.PERSON, user.pk, user.username, Verb.CHANGED, (note,))], actor=actor)
    return user


def update_profile(
    user_id: int, *, first_name: str, last_name: str, language: str, warehouse_id: int | None, actor: Actor
) -> User:
    """The actor's own name, language and usual warehouse; everything else is somebody else's to change."""
    if user_id != actor.user_id:
        raise NotAllowed(_("You can change only your own profile."))
    with transaction.atomic():
        user = _locked(user_id)
        draft, errors = _clean(
            PersonDraft(
                user.username,
                first_name,
                last_name,
                user.email,
                user.merchant_id,
                warehouse_id,
                language,
                user.is_active,
            )
        )
        if errors:
            raise InvalidInput(errors)
        names = ("first_name", "last_name", "language", "warehouse_id")
        after = {name: value for name, value in _columns(draft).items() if name in names}
        changes = differences(user, after)
        for name, value in after.items():
            setattr(user, name, value)
        user.save(update_fields=list(names))
        record_changes([Noted(Subject.PERSON, user.pk, user.username, Verb.CHANGED, changes)], actor=actor)
    return user


# --- roles ------------------------------------------------------------------------


def create_role(name: str, codenames: Collection[str], *, actor: Actor) -> Group:
    """The new role. Refuses a name that is taken, and rights that the actor lacks (`not_allowed`)."""
    check_manager(actor)
    name, errors = _clean_role(name, codenames, but=None)
    if errors:
        raise InvalidInput(errors)
    _check_giving(codenames, actor)
    try:
        with transaction.atomic():
            role = Group.objects.create(name=name)
            role.permissions.set(_permissions(codenames))
            given = _change(gettext_lazy("rights"), (), _in_words(codenames))
            record_changes([Noted(Subject.ROLE, role.pk, role.name, Verb.MADE, given)], actor=actor)
    except IntegrityError as error:
        raise InvalidInput({"name": [_role_taken(name)]}) from error
    return role


def update_role(role_id: int, name: str, codenames: Collection[str], *, actor: Actor) -> Group:
    """The role with other rights, for everybody who has it, at once.

    Refuses to take from the actor the right to manage people, and to give rights they lack.
    """
    check_manager(actor)
    name, errors = _clean_role(name, codenames, but=role_id)
    with transaction.atomic():
        role = Group.objects.select_for_update().filter(pk=role_id).first()
        if role is None:
            raise NotThere(_("There is no such role."))
        before = set(_codenames_of([role]))
        if PERMISSION in before and PERMISSION not in codenames and _rests_on(role, actor):
            errors["rights"] = [
                _("This role is why you may manage people: without it you would lock yourself out.")
            ]
        if errors:
            raise InvalidInput(errors)
        _check_giving(set(codenames) - before, actor)
        changes = _change(gettext_lazy("rights"), _in_words(before), _in_words(codenames))
        if role.name != name:
            changes += (Change(str(gettext_lazy("name")), role.name, name),)
        role.name = name
        role.save()
        role.permissions.set(_permissions(codenames))
        record_changes([Noted(Subject.ROLE, role.pk, role.name, Verb.CHANGED, changes)], actor=actor)
    return role


def remove_role(role_id: int, *, actor: Actor) -> None:
    """Removes a role that nobody has; refused (`invalid`) while somebody does."""
    check_manager(actor)
    with transaction.atomic():
        role = Group.objects.select_for_update().filter(pk=role_id).first()
        if role is None:
            raise NotThere(_("There is no such role."))
        people = role.user_set.count()
        if people:
            raise InvalidInput(
                {
                    "role": [
                        _("%(count)s people have this role. Give them another one first.") % {"count": people}
                    ]
                }
            )
        record_changes([Noted(Subject.ROLE, role.pk, role.name, Verb.REMOVED)], actor=actor)
        role.delete()


def check_manager(actor: Actor) -> None:
    """Refuses (`not_allowed`) who may not manage people; a seller's account never may."""
    if not actor.may(PERMISSION) or actor.merchant_id is not None:
        raise NotAllowed(_("You are not allowed to manage people. Ask an admin for the right."))


def may_change(user: User, actor: Actor) -> bool:
    """Whether the actor reaches the person: holds every right that the person holds."""
    if actor.permissions is None:
        return True
    return not user.is_superuser and set(_rights_of(user)) <= actor.permissions


# --- rules ------------------------------------------------------------------------


def _locked(user_id: int) -> User:
    user = User.objects.select_for_update(of=("self",)).filter(pk=user_id).first()
    if user is None:
        raise NotThere(_("There is no such person."))
    return user


def _check_reach(user: User, actor: Actor) -> None:
    if not may_change(user, actor):
        raise NotAllowed(
            _("%(name)s may do more than you. Only somebody with the same rights can change that account.")
            % {"name": user.display_name}
        )


def _check_giving(codenames: Iterable[str], actor: Actor) -> None:
    """Nobody gives what they do not have: the right to manage people must not be the right to everything."""
    lacking = sorted(name for name in set(codenames) if not actor.may(name))
    if lacking:
        raise NotAllowed(
            _("You can only give rights that you have yourself. You lack: %(rights)s.")
            % {"rights": ", ".join(_in_words(lacking))}
        )


def _rights_of(user: User) -> list[str]:
    names = User(pk=user.pk, is_active=True, is_superuser=False).get_all_permissions()
    return [name.removeprefix("orders.") for name in names if name.startswith("orders.")]


def _lock_out_errors(user: User, draft: PersonDraft, roles: Collection[Group]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if not draft.is_active:
        errors["is_active"] = [_("You cannot switch off your own account. Ask another admin to do it.")]
    if draft.merchant_id is not None:
        errors["merchant"] = [_("You would lock yourself out: a merchant's account manages nobody.")]
    own = set(user.user_permissions.values_list("codename", flat=True))
    if not user.is_superuser and PERMISSION not in {*_codenames_of(roles), *own}:
        errors["roles"] = [_("Keep a role that may manage people, or you lock yourself out.")]
    return errors


def _rests_on(role: Group, actor: Actor) -> bool:
    """Whether the actor would lose the right to manage people without this role."""
    user = User.objects.filter(pk=actor.user_id or 0).first()
    if user is None or user.is_superuser or not user.groups.filter(pk=role.pk).exists():
        return False
    others = user.groups.exclude(pk=role.pk).filter(permissions__codename=PERMISSION)
    return not others.exists() and not user.user_permissions.filter(codename=PERMISSION).exists()


def _clean(draft: PersonDraft) -> tuple[PersonDraft, dict[str, list[str]]]:
    errors: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    for name, limit in _TEXTS.items():
        try:
            texts[name] = clean_line(getattr(draft, name))
        except UnusableText:
            texts[name] = ""
            errors[name] = [_("This holds a character that cannot be stored. Type it again.")]
        if len(texts[name]) > limit:
            errors[name] = [_("Use at most %(limit)s characters.") % {"limit": limit}]
    if not texts["username"]:
        errors.setdefault("username", [_("This is required.")])
    else:
        try:
            User.username_validator(texts["username"])
        except ValidationError:
            errors.setdefault("username", [_("Use letters, digits and the signs @ . + - _ without blanks.")])
    if texts["email"]:
        try:
            validate_email(texts["email"])
        except ValidationError:
            errors.setdefault("email", [_("Write an e-mail address such as salma@example.com, or none.")])
    if draft.language not in dict(settings.LANGUAGES):
        errors["language"] = [_("This language is not offered; choose one from the list.")]
    if draft.merchant_id is not None and not Merchant.objects.filter(pk=draft.merchant_id).exists():
        errors["merchant"] = [_("There is no such merchant; choose one from the list.")]
    if draft.warehouse_id is not None and not Warehouse.objects.filter(pk=draft.warehouse_id).exists():
        errors["warehouse"] = [_("There is no such warehouse; choose one from the list.")]
    return (
        PersonDraft(
            **texts,
            merchant_id=draft.merchant_id,
            warehouse_id=draft.warehouse_id,
            language=draft.language,
            is_active=draft.is_active,
            role_ids=draft.role_ids,
        ),
        errors,
    )


def _columns(draft: PersonDraft) -> dict[str, Any]:
    return {
        "username": draft.username,
        "first_name": draft.first_name,
        "last_name": draft.last_name,
        "email": draft.email,
        "merchant_id": draft.merchant_id,
        "warehouse_id": draft.warehouse_id,
        "language": draft.language,
        "is_active": draft.is_active,
    }


def _taken(username: str, *, but: int | None) -> dict[str, list[str]]:
    same = User.objects.filter(username__iexact=username).exclude(pk=but or 0)
    return {"username": [_name_taken(username)]} if username and same.exists() else {}


def _name_taken(username: str) -> str:
    return _("%(name)s is somebody else's name already.") % {"name": username}


def _password_errors(password: str, user: User) -> dict[str, list[str]]:
    try:
        validate_password(password, user)
    except ValidationError as error:
        return {"password": list(error.messages)}
    return {}


def _roles(ids: Collection[int], errors: dict[str, list[str]]) -> list[Group]:
    found = list(Group.objects.filter(pk__in=ids).order_by("name"))
    if len(found) != len(set(ids)):
        errors["roles"] = [_("There is no such role; choose from the list.")]
    return found


def _codenames_of(roles: Iterable[Group]) -> list[str]:
    return list(
        Permission.objects.filter(group__in=list(roles), content_type__app_label="orders").values_list(
            "codename", flat=True
        )
    )


def _permissions(codenames: Collection[str]) -> list[Permission]:
    return list(
        Permission.objects.filter(
            content_type__app_label="orders", content_type__model="order", codename__in=codenames
        )
    )


def _clean_role(
    name: str, codenames: Collection[str], *, but: int | None
) -> tuple[str, dict[str, list[str]]]:
    errors: dict[str, list[str]] = {}
    try:
        name = clean_line(name)
    except UnusableText:
        name = ""
    if not 1 <= len(name) <= MAX_ROLE_NAME:
        errors["name"] = [_("Give the role a name of 1 to %(limit)s characters.") % {"limit": MAX_ROLE_NAME}]
    elif Group.objects.filter(name__iexact=name).exclude(pk=but or 0).exists():
        errors["name"] = [_role_taken(name)]
    if unknown := sorted(set(codenames) - RIGHT_WORDS.keys()):
        errors["rights"] = [_("There is no such right: %(names)s.") % {"names": ", ".join(unknown)}]
    return name, errors


def _role_taken(name: str) -> str:
    return _("There is a role named %(name)s already.") % {"name": name}


def _in_words(codenames: Iterable[str]) -> list[str]:
    chosen = set(codenames)
    return [str(words) for name, words in RIGHT_WORDS.items() if name in chosen]


def _change(field: Words, before: Iterable[str], after: Iterable[str]) -> tuple[Change, ...]:
    """What a set of names was and is, when the two differ: only what came and went."""
    old, new = set(before), set(after)
    if old == new:
        return ()
    nothing = _("nothing")
    return (
        Change(str(field), ", ".join(sorted(old - new)) or nothing, ", ".join(sorted(new - old)) or nothing),
    )
