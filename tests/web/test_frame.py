"""The frame of every page: who sees which places, how colours are chosen, what a run-out key costs."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from django.utils import timezone

from orders.models import Job, User
from orders.web import frame as frame_module
from orders.web.access import requires
from orders.web.frame import Frame

pytestmark = pytest.mark.django_db


@requires("view_order")
def _for_viewers(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@requires(("manageUsers", "managePlaces"))
def _for_admins(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _undeclared(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("", _for_viewers, name="today"),
    path("orders", _for_viewers, name="order-list"),
    path("settings", _for_admins, name="settings-home"),
    path("cash", _undeclared, name="cash"),
    path("jobs", _undeclared, name="job-list"),
    path("running-jobs", frame_module.show_running_jobs, name="running-jobs"),
]


def person(role: str) -> User:
    user = User.objects.create_user(username=role)
    user.groups.add(Group.objects.get(name=role))
    return user


def frame_of(user: User | AnonymousUser, at: str = "/") -> Frame:
    request = RequestFactory().get(at)
    request.user = user
    return Frame(request)


def names(frame: Frame) -> list[str]:
    return [entry.place.name for entry in frame.entries]


def current(frame: Frame) -> list[str]:
    return [entry.place.name for entry in frame.entries if entry.is_current]


@pytest.mark.urls(__name__)
class TestPlaces:
    def test_a_viewer_sees_the_places_of_view_order(self) -> None:
        assert names(frame_of(person("viewer"))) == ["today", "orders"]

    def test_any_one_permission_of_a_group_opens_a_place(self) -> None:
        assert names(frame_of(person("manager"))) == ["today", "orders", "settings"]

    def test_a_driver_sees_none_of_them(self) -> None:
        assert names(frame_of(person("driver"))) == []

    def test_a_stranger_sees_none(self) -> None:
        assert names(frame_of(AnonymousUser())) == []

    def test_a_view_that_declares_no_permission_is_not_advertised(self) -> None:
        root = User.objects.create_superuser(username="root")
        assert "cash" not in names(frame_of(root))

    def test_a_place_without_a_route_is_not_shown(self) -> None:
        root = User.objects.create_superuser(username="root")
        assert names(frame_of(root)) == ["today", "orders", "settings"]

    @pytest.mark.parametrize(
        ("at", "expected"),
        [
            ("/", ["today"]),
            ("/orders", ["orders"]),
            ("/orders/NEW", ["orders"]),
            ("/orders-of-somebody", []),
            ("/settings/users", ["settings"]),
            ("/elsewhere", []),
        ],
    )
    def test_the_place_one_is_in_is_marked(self, at: str, expected: list[str]) -> None:
        assert current(frame_of(User.objects.create_superuser(username="root"), at)) == expected


@pytest.mark.urls(__name__)
class TestBottomBar:
    def test_everything_stands_in_it_while_five_fit(self) -> None:
        frame = frame_of(person("manager"))
        assert [len(frame.bottom_entries), len(frame.more_entries)] == [3, 0]

    def test_beyond_five_the_rest_goes_behind_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        six = [(place, f"/{place.name}", ()) for place in frame_module.PLACES[:6]]
        monkeypatch.setattr(frame_module, "_routed", lambda: iter(six))
        frame = frame_of(person("viewer"), at="/stock")
        assert [entry.place.name for entry in frame.bottom_entries] == [
            "today",
            "orders",
            "scan",
            "deliveries",
        ]
        assert [entry.place.name for entry in frame.more_entries] == ["returns", "stock"]
        assert frame.more_is_current


class TestPerson:
    @pytest.mark.parametrize(
        ("first", "last", "expected"),
        [("Salma", "Benali", "SB"), ("Salma", "", "S"), ("محمد", "بن علي", "مب")],
    )
    def test_initials_come_from_the_name(self, first: str, last: str, expected: str) -> None:
        assert frame_of(User(username="x", first_name=first, last_name=last)).initials == expected

    def test_colour_is_one_of_eight_and_stays(self) -> None:
        assert [frame_of(User(pk=pk)).person_colour for pk in (1, 8, 9)] == [1, 0, 1]


@pytest.mark.urls(__name__)
class TestRunningJobs:
    def make(self, owner: User, state: str) -> None:
        Job.objects.create(kind=Job.Kind.EXPORT_ORDERS, state=state, owner=owner, created_at=timezone.now())

    def test_only_ones_own_open_jobs_count(self) -> None:
        own, other = person("manager"), person("viewer")
        for state in Job.State.values:
            self.make(own, state)
        self.make(other, Job.State.RUNNING)
        assert frame_of(own).running_jobs == 2
        assert frame_of(AnonymousUser()).running_jobs == 0

    def test_the_slot_asks_again_only_while_something_runs(self, client: Client) -> None:
        own = person("manager")
        client.force_login(own)
        assert 'hx-trigger="job-started from:body"' in client.get("/running-jobs").content.decode()
        self.make(own, Job.State.QUEUED)
        busy = client.get("/running-jobs").content.decode()
        assert 'hx-trigger="every 3s, job-started from:body"' in busy
        assert '1 <span class="running-jobs-word">job running</span>' in busy


class TestTheme:
    def choose(self, client: Client, theme: str, back: str = "/style/") -> HttpResponse:
        client.force_login(User.objects.create_superuser(username="root"))
        return client.post("/theme", {"theme": theme, "next": back})  # type: ignore[return-value]

    def test_a_choice_is_remembered_and_the_page_comes_back(self, client: Client) -> None:
        answer = self.choose(client, "dark")
        assert (answer.status_code, answer["Location"]) == (302, "/style/")
        assert client.cookies["theme"].value == "dark"
        assert 'data-theme="dark"' in client.get("/style/").content.decode()

    @pytest.mark.parametrize("theme", ["", "pink", '"><script>'])
    def test_anything_else_follows_the_device(self, client: Client, theme: str) -> None:
        client.cookies["theme"] = theme or "dark"
        self.choose(client, theme)
        assert client.cookies["theme"].value == ""
        assert "data-theme=" not in client.get("/style/").content.decode()

    @pytest.mark.parametrize(
        "back", ["//evil.example", "https://evil.example/", "javascript:alert(1)", "/\\evil"]
    )
    def test_it_never_leads_elsewhere(self, client: Client, back: str) -> None:
        assert self.choose(client, "light", back)["Location"] == "/"

    def test_reading_the_address_changes_nothing(self, client: Client) -> None:
        client.force_login(User.objects.create_superuser(username="root"))
        assert client.get("/theme").status_code == 405
        assert "theme" not in client.cookies


class TestPage:
    @pytest.fixture
    def page(self, client: Client) -> str:
        client.force_login(User.objects.create_superuser(username="root"))
        return client.get("/style/").content.decode()

    def test_it_has_one_main_heading_and_its_landmarks(self, page: str) -> None:
        assert len(re.findall(r"<h1[ >]", page)) == 1
        assert '<main class="content ' in page
        assert 'href="#main"' in page
        assert 'role="search"' in page or "order-list" not in page

    def test_nothing_is_inline(self, page: str) -> None:
        assert re.findall(r"\sstyle=", page) == []
        assert re.findall(r"\son\w+=", page) == []
        assert re.findall(r"<script(?![^>]*\ssrc=)", page) == []
        assert "<style" not in page

    def test_it_loads_nothing_from_elsewhere(self, page: str) -> None:
        assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*', page) == []

    def test_partial_requests_carry_the_key_of_the_session(self, page: str) -> None:
        assert re.search(r"hx-headers='{\"X-CSRFToken\": \"\w{64}\"}'", page)

    def test_htmx_may_not_evaluate_or_keep_pages(self, page: str) -> None:
        assert (
            'content=\'{"allowEval":false,"allowScriptTags":false,"includeIndicatorStyles":false,'
            '"selfRequestsOnly":true,"historyCacheSize":0,"refreshOnHistoryMiss":true}\'' in page
        )


class TestStylePage:
    def test_it_is_for_those_who_build(self, client: Client) -> None:
        client.force_login(person("manager"))
        for address in ("/style/", "/style/sheet", "/style/suggest", "/style/answer/403"):
            assert client.get(address).status_code == 404, address

    def test_a_stranger_is_asked_to_log_in(self, client: Client) -> None:
        assert client.get("/style/")["Location"] == "/login?next=%2Fstyle%2F"


class TestRunOutKey:
    """A form whose CSRF key ran out is shown again, unless somebody else may have filled it in."""

    def send(self, facts: dict[str, str], **headers: str) -> str:
        client = Client(enforce_csrf_checks=True)
        client.force_login(User.objects.create_superuser(username="root"))
        answer = client.post("/theme", facts, headers=headers)
        assert answer.status_code == 403
        return answer.content.decode()

    def test_what_was_typed_can_be_sent_again(self) -> None:
        page = self.send({"reason": "no <b>stock</b>", "ids": "7"}, **{"sec-fetch-site": "same-origin"})
        assert "no &lt;b&gt;stock&lt;/b&gt;</textarea>" in page
        assert "Send again" in page
        assert page.count("csrfmiddlewaretoken") >= 1

    @pytest.mark.parametrize(
        "headers",
        [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "null"}, {}],
    )
    def test_a_form_from_elsewhere_is_not_offered(self, headers: dict[str, str]) -> None:
        page = self.send({"reason": "stolen"}, **headers)
        assert "Send again" not in page
        assert "stolen" not in page

    def test_a_password_is_not_kept(self) -> None:
        page = self.send({"password": "demo-packhouse"}, **{"sec-fetch-site": "same-origin"})
        assert "demo-packhouse" not in page
        assert "Send again" not in page
