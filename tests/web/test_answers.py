"""What the domain refuses, as HTTP: JSON for programs, words on the open page, a page for browsers."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from orders.domain.refusals import Code, InvalidInput, Locked, NotAllowed, NotThere, Refusal, StaleVersion
from orders.web.access import requires
from tests.personas import HTMX, JSON, at_work

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.web.test_answers")]

REFUSALS = {
    "invalid": InvalidInput({"date": ["Not in the future."], "ids": ["Choose at least one order."]}),
    "not-allowed": NotAllowed("Not yours to do."),
    "denied": PermissionDenied("secret"),
    "not-there": NotThere("No such order."),
    "missing": Http404("secret"),
    "bad": BadRequest("This is not well-formed JSON."),
    "stale": StaleVersion("Somebody changed it.", current={"version": 4}),
    "locked": Locked("Busy. Try again."),
    "short": Refusal("3 lack.", code=Code.INSUFFICIENT_STOCK),
}
MISSING = "This is not here. It may have been deleted, or the address is wrong."
FORBIDDEN = "You are not allowed to do this. Ask an admin for the right."


@requires(methods=("GET", "POST"))
def refuse(request: HttpRequest, name: str) -> HttpResponse:
    if name == "fault":
        raise ZeroDivisionError
    raise REFUSALS[name]


urlpatterns = [path("refuse/<str:name>", refuse), path("login", refuse, name="login")]


@pytest.fixture
def client() -> Client:
    return at_work("viewer")


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        (
            "invalid",
            422,
            {
                "message": "Not in the future.",
                "errors": {"date": ["Not in the future."], "ids": ["Choose at least one order."]},
            },
        ),
        ("not-allowed", 403, {"message": "Not yours to do.", "code": "not_allowed"}),
        ("denied", 403, {"message": FORBIDDEN}),
        ("not-there", 404, {"message": "No such order.", "code": "unknown"}),
        ("missing", 404, {"message": MISSING}),
        ("bad", 400, {"message": "This is not well-formed JSON."}),
        ("stale", 409, {"message": "Somebody changed it.", "code": "stale", "current": {"version": 4}}),
        ("locked", 409, {"message": "Busy. Try again.", "code": "locked"}),
        ("short", 409, {"message": "3 lack.", "code": "insufficient_stock"}),
    ],
)
def test_a_program_reads_status_message_and_facts(
    client: Client, name: str, status: int, body: object
) -> None:
    answer = client.get(f"/refuse/{name}", headers=JSON)
    assert answer.status_code == status
    assert answer.json() == body


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("invalid", 422),
        ("not-allowed", 403),
        ("not-there", 404),
        ("bad", 400),
        ("stale", 409),
        ("short", 409),
    ],
)
def test_a_browser_gets_a_page_with_the_words_and_a_way_back(client: Client, name: str, status: int) -> None:
    answer = client.get(f"/refuse/{name}", headers={"Referer": "http://testserver/orders/NEW?city=Safi"})
    page = answer.content.decode()
    assert answer.status_code == status
    assert "<h1>" in page
    assert str(REFUSALS[name]).replace("'", "&#x27;") in page
    if status in (409, 422):
        assert 'href="/orders/NEW?city=Safi"' in page


def test_no_page_leads_back_to_another_host(client: Client) -> None:
    answer = client.get("/refuse/locked", headers={"Referer": "http://testserver.evil.example/orders"})
    assert "evil.example" not in answer.content.decode()


def test_every_field_that_is_wrong_stands_on_the_page(client: Client) -> None:
    page = client.get("/refuse/invalid").content.decode()
    assert "Not in the future." in page
    assert "Choose at least one order." in page


@pytest.mark.parametrize(("name", "status"), [("invalid", 422), ("stale", 409), ("locked", 409)])
def test_an_open_page_stays_as_it_is_and_says_the_words(client: Client, name: str, status: int) -> None:
    answer = client.post(f"/refuse/{name}", headers=HTMX)
    assert answer.status_code == status
    assert answer.headers["HX-Reswap"] == "none"
    said = json.loads(answer.headers["HX-Trigger"])["notify"]
    assert said["kind"] == "error"
    assert said["text"].startswith(str(REFUSALS[name]))


@pytest.mark.parametrize(("name", "status"), [("not-allowed", 403), ("not-there", 404), ("bad", 400)])
def test_an_open_page_is_told_in_plain_text(client: Client, name: str, status: int) -> None:
    answer = client.get(f"/refuse/{name}", headers=HTMX)
    assert (answer.status_code, answer.content.decode()) == (status, str(REFUSALS[name]))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_words_of_the_framework_never_leave_the_house(client: Client) -> None:
    for name in ("denied", "missing"):
        for headers in (JSON, HTMX, {}):
            assert "secret" not in client.get(f"/refuse/{name}", headers=headers).content.decode()


def test_a_fault_is_no_refusal(client: Client) -> None:
    with pytest.raises(ZeroDivisionError):
        client.get("/refuse/fault")
