"""Pages of people, roles and one's own profile.

Who may change whom is said in orders/domain/setup/people.py.
"""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import Group
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from orders.domain.refusals import NotThere
from orders.domain.setup import people
from orders.domain.setup.people import RIGHT_WORDS, check_manager, may_change
from orders.models import SettingChange, User
from orders.web.access import actor_of, requires
from orders.web.settings.answering import answer_form, changes_of
from orders.web.settings.forms import PasswordForm, PersonForm, ProfileForm, RoleForm
from orders.web.settings.sections import draw

READING_AND_WRITING = ("GET", "POST")
MOST_SHOWN = 500


@requires("manageUsers")
def list_people(request: HttpRequest) -> HttpResponse:
    """Everybody with an account; those who may no longer log in come last."""
    check_manager(actor_of(request))
    search = request.GET.get("search", "").strip()[:100].replace("\x00", "")
    users = User.objects.select_related("merchant").prefetch_related("groups")
    if search:
        named = Q(username__icontains=search) | Q(first_name__icontains=search)
        users = users.filter(named | Q(last_name__icontains=search) | Q(email__icontains=search))
    found = list(users.order_by("-is_active", "username")[: MOST_SHOWN + 1])
    context = {"users": found[:MOST_SHOWN], "has_more": len(found) > MOST_SHOWN, "search": search}
    return draw(request, "settings/people.html", "people", context)


@requires("manageUsers", methods=READING_AND_WRITING)
def new_person(request: HttpRequest) -> HttpResponse:
    """Makes an account with a first password."""
    actor = actor_of(request)
    check_manager(actor)
    form = PersonForm(request.POST if request.method == "POST" else None)

    def save() -> HttpResponse:
        user = people.create_person(form.draft(), password=form.cleaned_data["password"], actor=actor)
        messages.success(request, _("%(name)s can log in now.") % {"name": user.username})
        return HttpResponseRedirect(reverse("settings-people"))

    context = {"form": form, "title": _("New person"), "back_url": reverse("settings-people")}
    return answer_form(request, form, save, "people", context)


@requires("manageUsers", methods=READING_AND_WRITING)
def edit_person(request: HttpRequest, user_id: int) -> HttpResponse:
    """Changes an account, or switches it off; nobody is deleted."""
    actor = actor_of(request)
    check_manager(actor)
    user = _user(user_id)
    form = PersonForm(request.POST if request.method == "POST" else None, user=user)

    def save() -> HttpResponse:
        saved = people.update_person(user_id, form.draft(), actor=actor)
        messages.success(request, _("%(name)s is saved.") % {"name": saved.username})
        return HttpResponseRedirect(reverse("settings-people"))

    context = {
        "form": form,
        "title": user.display_name,
        "subject": user,
        "may_change": may_change(user, actor),
        "password_url": reverse("settings-person-password", args=[user.pk]),
        "back_url": reverse("settings-people"),
        "entries": changes_of(SettingChange.Subject.PERSON, user.pk),
    }
    return answer_form(request, form, save, "people", context)


@requires("manageUsers", methods=READING_AND_WRITING)
def set_password(request: HttpRequest, user_id: int) -> HttpResponse:
    """Gives somebody a new password; wherever they are logged in, they are logged out."""
    actor = actor_of(request)
    check_manager(actor)
    user = _user(user_id)
    form = PasswordForm(request.POST if request.method == "POST" else None)

    def save() -> HttpResponse:
        people.set_password(user_id, form.cleaned_data["password"], actor=actor)
        messages.success(request, _("%(name)s has a new password.") % {"name": user.username})
        return HttpResponseRedirect(reverse("settings-person", args=[user_id]))

    context = {
        "form": form,
        "title": _("New password for %(name)s") % {"name": user.display_name},
        "lead": _("The person is logged out everywhere and logs in with the new one."),
        "back_url": reverse("settings-person", args=[user_id]),
    }
    return answer_form(request, form, save, "people", context)


@requires(methods=READING_AND_WRITING)
def edit_profile(request: HttpRequest) -> HttpResponse:
    """One's own name, language and usual warehouse."""
    actor = actor_of(request)
    user = cast("User", request.user)
    form = ProfileForm(
        request.POST if request.method == "POST" else None,
        initial={
            "first_name": user.first_name,
            "last_name": user.last_name,
            "language": user.language,
            "warehouse": user.warehouse_id,
        },
    )

    def save() -> HttpResponse:
        said = form.cleaned_data
        saved = people.update_profile(
            user.pk,
            first_name=said["first_name"],
            last_name=said["last_name"],
            language=said["language"],
            warehouse_id=said["warehouse"].pk if said["warehouse"] else None,
            actor=actor,
        )
        messages.success(request, _("Your profile is saved."))
        answer = HttpResponseRedirect(reverse("settings-profile"))
        answer.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            saved.language,
            max_age=365 * 86_400,
            samesite="Lax",
            httponly=True,
            secure=request.is_secure(),
        )
        return answer

    context = {
        "form": form,
        "title": _("Your profile"),
        "is_profile": True,
        "subject": user,
        "rights": [words for name, words in RIGHT_WORDS.items() if actor.may(name)],
    }
    return answer_form(request, form, save, "profile", context)


# --- roles ------------------------------------------------------------------------


@requires("manageUsers")
def list_roles(request: HttpRequest) -> HttpResponse:
    """Each role with its people and its rights in plain words."""
    check_manager(actor_of(request))
    roles = Group.objects.annotate(people=Count("user", distinct=True)).prefetch_related("permissions")
    context = {
        "roles": [
            (role, [RIGHT_WORDS[name] for name in RIGHT_WORDS if name in _codenames(role)])
            for role in roles.order_by("name")
        ]
    }
    return draw(request, "settings/roles.html", "roles", context)


@requires("manageUsers", methods=READING_AND_WRITING)
def new_role(request: HttpRequest) -> HttpResponse:
    """Makes a role."""
    actor = actor_of(request)
    check_manager(actor)
    form = RoleForm(request.POST if request.method == "POST" else None)

    def save() -> HttpResponse:
        role = people.create_role(form.cleaned_data["name"], form.cleaned_data["rights"], actor=actor)
        messages.success(request, _("The role %(name)s is made.") % {"name": role.name})
        return HttpResponseRedirect(reverse("settings-roles"))

    context = {"form": form, "title": _("New role"), "back_url": reverse("settings-roles")}
    return answer_form(request, form, save, "roles", context, template="settings/role_form.html")


@requires("manageUsers", methods=READING_AND_WRITING)
def edit_role(request: HttpRequest, role_id: int) -> HttpResponse:
    """Changes a role for everybody who has it."""
    actor = actor_of(request)
    check_manager(actor)
    role = Group.objects.filter(pk=role_id).prefetch_related("permissions").first()
    if role is None:
        raise NotThere(_("There is no such role."))
    form = RoleForm(
        request.POST if request.method == "POST" else None,
        initial={"name": role.name, "rights": list(_codenames(role))},
    )

    def save() -> HttpResponse:
        said = form.cleaned_data
        saved = people.update_role(role_id, said["name"], said["rights"], actor=actor)
        messages.success(request, _("The role %(name)s is saved.") % {"name": saved.name})
        return HttpResponseRedirect(reverse("settings-roles"))

    holders = User.objects.filter(groups=role).order_by("username")
    context = {
        "form": form,
        "title": role.name,
        "role": role,
        "holders": list(holders[:20]),
        "back_url": reverse("settings-roles"),
        "entries": changes_of(SettingChange.Subject.ROLE, role.pk),
    }
    return answer_form(request, form, save, "roles", context, template="settings/role_form.html")


@requires("manageUsers", methods=("POST",))
def remove_role(request: HttpRequest, role_id: int) -> HttpResponse:
    """Removes a role that nobody has."""
    people.remove_role(role_id, actor=actor_of(request))
    messages.success(request, _("The role is removed."))
    return HttpResponseRedirect(reverse("settings-roles"))


def _user(user_id: int) -> User:
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise NotThere(_("There is no such person."))
    return user


def _codenames(role: Group) -> set[str]:
    return {permission.codename for permission in role.permissions.all()}
