"""What every answer carries, and what is said when there is no answer to give."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path

from config import failures, urls
from config.middleware import client_address

JSON = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def failing(error: Exception):
    def view(_request: HttpRequest) -> HttpResponse:
        raise error

    return view


urlpatterns = [
    # Before the doors for programs, which answer everything else under /api/ themselves.
    path("api/fails", failing(RuntimeError("secret inner words"))),
    *urls.urlpatterns,
    path("fails/database", failing(OperationalError("server closed the connection unexpectedly"))),
    path("fails/interface", failing(InterfaceError("connection already closed"))),
    path("fails/mistake", failing(OperationalError("no such table: orders_nothing"))),
    path("fails/otherwise", failing(RuntimeError("secret inner words"))),
    path("fails/forbidden", failing(PermissionDenied())),
    path("fails/size", failing(RequestDataTooBig("too much"))),
]
handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500


@pytest.fixture
def client(settings) -> Client:
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


def test_a_request_id_is_made_and_a_well_formed_one_is_kept(client):
    made = client.get("/healthz")["X-Request-ID"]
    assert len(made) == 32
    answer = client.get("/healthz", headers={"X-Request-ID": "order-desk-0001"})
    assert answer["X-Request-ID"] == "order-desk-0001"


@pytest.mark.parametrize("given", ["short", "a" * 65, "with space in it", "semi;colon-0000", "ünïcödé-0000"])
def test_a_request_id_in_another_form_is_made_anew(client, given):
    answered = client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"]
    assert answered != given
    assert len(answered) == 32


def test_the_security_headers_are_on_every_answer(client):
    answer = client.get("/healthz")
    assert answer["Permissions-Policy"] == (
        "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), serial=()"
    )
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in f"{policy};"
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/fails/database", "/fails/interface"])
def test_a_database_that_is_away_is_503_with_a_time_to_come_back(client, path):
    answer = client.get(path, headers=JSON)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["message"] == (
        "The database does not answer right now. "
        "Nothing of this request was saved. Try again in a few seconds."
    )


def test_a_browser_gets_a_page_when_the_database_is_away(client):
    answer = client.get("/fails/database", headers=BROWSER)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer["Content-Type"].startswith("text/html")
    assert "The database does not answer right now" in answer.content.decode()


def test_a_mistake_in_a_statement_is_not_taken_for_a_database_that_is_away(client):
    assert client.get("/fails/mistake", headers=JSON).status_code == 500


@pytest.mark.parametrize("path", ["/fails/otherwise", "/api/fails"])
def test_an_unforeseen_failure_says_nothing_of_its_inside(client, path):
    answer = client.get(path, headers=JSON if path.startswith("/fails") else {"X-Request-ID": "request-0001"})
    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["request_id"] == answer["X-Request-ID"]
    assert b"secret inner words" not in answer.content
    assert b"Traceback" not in answer.content


def test_an_error_page_that_cannot_be_drawn_is_replaced_by_a_plain_one(client, monkeypatch):
    monkeypatch.setattr(failures, "render_to_string", failing(OperationalError("gone")))
    answer = client.get("/fails/otherwise", headers=BROWSER)
    assert answer.status_code == 500
    assert "<h1>Something went wrong here</h1>" in answer.content.decode()


@pytest.mark.django_db
def test_a_missing_page_is_a_page_for_people_and_json_for_programs(client):
    assert "This is not here" in client.get("/nowhere", headers=BROWSER).content.decode()
    answer = client.get("/nowhere", headers=JSON)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")


@pytest.mark.django_db
def test_a_slash_too_many_is_sent_on(client):
    answer = client.get("/login/?next=/orders")
    assert (answer.status_code, answer["Location"]) == (301, "/login?next=/orders")
    assert client.post("/login/").status_code == 404
    assert "elsewhere" not in client.get("//elsewhere.example/login/").headers.get("Location", "")


@pytest.mark.django_db
def test_a_refusal_is_403_and_too_large_a_body_413(client):
    assert client.get("/fails/forbidden", headers=JSON).status_code == 403
    answer = client.get("/fails/size", headers=JSON)
    assert answer.status_code == 413
    assert "at most 8 MB in one request" in answer.json()["message"]


@pytest.mark.django_db
def test_an_unknown_host_is_400(client):
    assert client.get("/login", headers={"Host": "elsewhere.example", **JSON}).status_code == 400


@pytest.mark.django_db
def test_a_form_without_its_token_is_told_to_reload():
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/login", {"username": "manager", "password": "x"}, headers=JSON)
    assert answer.status_code == 403
    assert answer.json()["message"] == (
        "This page was open for too long. "
        "Go back, reload the page and send the form again. Nothing was lost, nothing was changed."
    )


@pytest.mark.django_db
def test_the_eleventh_try_is_429_for_a_while_and_only_for_that_name(django_user_model):
    django_user_model.objects.create_user("manager", password="right-words-here")
    django_user_model.objects.create_user("packer", password="right-words-here")
    client = Client()
    for _ in range(10):
        client.post("/login", {"username": "manager", "password": "wrong"})
    answer = client.post("/login", {"username": "manager", "password": "right-words-here"})
    assert answer.status_code == 429
    assert answer["Retry-After"] == "900"
    assert "Too many wrong passwords" in answer.content.decode()
    assert "Wait 15 minutes" in answer.content.decode()
    assert client.post("/login", {"username": "packer", "password": "right-words-here"}).status_code == 302


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("get", BROWSER, False),
        ("get", {}, False),
        ("get", JSON, True),
        ("get", {"Accept": "*/*"}, False),
        ("get", {"Accept": "text/html;q=0.5, application/json"}, True),
        ("post", {"Accept": "*/*"}, True),
        ("post", BROWSER, False),
    ],
)
def test_who_gets_json(method, headers, expected):
    make = getattr(RequestFactory(), method)
    body = {"data": json.dumps({}), "content_type": "application/json"} if method == "post" else {}
    assert failures.wants_json(make("/orders", headers=headers, **body)) is expected


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (2, "203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (2, "10.0.0.7", "127.0.0.1"),
        (1, "", "127.0.0.1"),
    ],
)
def test_only_what_our_own_proxies_wrote_is_believed(settings, proxies, forwarded, expected):
    settings.PROXIES = proxies
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded} if forwarded else {})
    assert client_address(request) == expected
