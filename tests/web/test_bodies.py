"""What was sent, form-encoded or JSON, read into one shape; what cannot be read is named."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from orders.domain.refusals import InvalidInput
from orders.web.bodies import Body, read_body

FORM = "application/x-www-form-urlencoded"


def request_of(body: str | bytes, content_type: str = FORM, method: str = "POST") -> HttpRequest:
    return RequestFactory().generic(method, "/orders/pick-orders", body, content_type=content_type)


def as_json(values: Any) -> HttpRequest:
    return request_of(json.dumps(values), "application/json")


def refused(call: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as refusal:
        call()
    return refusal.value.errors


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("ids=7&ids=3&ids=7", FORM),
        ("ids[]=7&ids[]=3&ids[]=7", FORM),
        ('{"ids": [7, 3, 7]}', "application/json"),
        ('{"ids": ["7", "3", "7"]}', "application/json"),
        ('{"ids[]": ["7", 3, " 7 "]}', "application/json; charset=utf-8"),
        (encode_multipart(BOUNDARY, {"ids": ["7", "3", "7"]}), MULTIPART_CONTENT),
    ],
)
def test_ids_are_read_alike_however_they_are_sent(method: str, body: str | bytes, content_type: str) -> None:
    assert read_body(request_of(body, content_type, method)).ids() == [7, 3, 7]


def test_a_single_id_is_a_list_of_one() -> None:
    assert read_body(as_json({"ids": 5})).ids() == [5]


def test_delete_without_a_body_takes_its_ids_from_the_address() -> None:
    request = RequestFactory().delete("/orders/delete?ids=4&ids=5")
    assert read_body(request).ids() == [4, 5]


@pytest.mark.parametrize(
    "ids",
    [["x"], ["1.5"], [1.5], ["1,2"], ["٣"], [True], [{}], ["0x1"], ["1e3"], [2**63], ["9" * 5000]],
)
def test_an_id_that_is_no_number_is_refused(ids: list[Any]) -> None:
    assert list(refused(lambda: read_body(as_json({"ids": ids})).ids())) == ["ids"]


def test_what_was_wrong_about_the_ids_is_said() -> None:
    errors = refused(lambda: read_body(request_of("ids=1&ids=abc&ids=x%3Cy")).ids())
    assert errors == {"ids": ["Not an order's number: abc, x<y."]}


@pytest.mark.parametrize("body", ["", "other=1", "ids=", "ids=&ids="])
def test_no_ids_at_all_is_refused(body: str) -> None:
    assert refused(lambda: read_body(request_of(body)).ids()) == {"ids": ["Choose at least one order."]}


def test_a_thousand_ids_are_taken_and_one_more_is_refused() -> None:
    assert len(read_body(as_json({"ids": [*range(1, 1001), 1, 1000]})).ids()) == 1002
    errors = refused(lambda: read_body(as_json({"ids": list(range(1, 1002))})).ids())
    assert errors == {"ids": ["1,001 orders at once are too many: send at most 1,000."]}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'ids': 1}",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000,
    ],
)
def test_malformed_json_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_body(request_of(body, "application/json"))


def test_json_nested_beyond_reason_is_a_bad_request() -> None:
    with pytest.raises(BadRequest):
        read_body(request_of('{"a":' * 50 + "1" + "}" * 50, "application/json"))


@pytest.mark.parametrize("values", [[1, 2], "text", 5, None, True])
def test_json_that_is_no_object_is_refused(values: Any) -> None:
    assert refused(lambda: read_body(as_json(values))) == {"body": ["Send a JSON object."]}


@pytest.mark.parametrize(
    ("request_sent", "path"),
    [
        (request_of("notes=a%00b"), "notes.0"),
        (as_json({"products": [{"id": "1"}, {"id": "1\x00"}]}), "products.1.id"),
        (request_of(b'{"notes": "\\ud800"}', "application/json"), "notes"),
        (request_of(b'{"\\u0000": "x"}', "application/json"), "body"),
    ],
)
def test_what_no_database_stores_is_refused_where_it_stands(request_sent: HttpRequest, path: str) -> None:
    assert list(refused(lambda: read_body(request_sent))) == [path]


def test_json_amounts_stay_exact() -> None:
    body = read_body(request_of(b'{"total": 12.10}', "application/json"))
    assert body.get("total") == Decimal("12.10")


def test_days_are_written_one_way() -> None:
    assert Body({"date": ["2026-11-20"]}, is_json=False).day("date") == dt.date(2026, 11, 20)
    for wrong in ("20/11/2026", "2026-13-01", "2026-02-30", "2026-1-1", "tomorrow", "٢٠٢٦-١١-٢٠"):
        errors = refused(lambda wrong=wrong: Body({"date": wrong}, is_json=True).day("date"))
        assert errors == {"date": ["Write the date as YYYY-MM-DD."]}
    assert Body({}, is_json=True).day("date") is None
    assert refused(lambda: Body({}, is_json=True).day("date", required=True)) == {
        "date": ["This is required."]
    }


def test_flags_numbers_and_texts_are_read_or_refused() -> None:
    body = Body({"a": ["on"], "b": ["0"], "n": [" 42 "], "t": ["  hello "]}, is_json=False)
    assert (body.flag("a"), body.flag("b"), body.flag("c"), body.number("n"), body.text("t")) == (
        True,
        False,
        False,
        42,
        "hello",
    )
    sent = Body({"flag": "perhaps", "number": "4x", "text": {"a": 1}, "long": "abcd"}, is_json=True)
    assert refused(lambda: sent.flag("flag")) == {"flag": ["Send true or false."]}
    assert refused(lambda: sent.number("number")) == {"number": ["Send a whole number."]}
    assert refused(lambda: sent.text("text")) == {"text": ["Send a text."]}
    assert refused(lambda: sent.text("long", max_length=3)) == {"long": ["Use at most 3 characters."]}
    assert refused(lambda: sent.text("none", required=True)) == {"none": ["This is required."]}
