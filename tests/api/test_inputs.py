"""Whatever programs and attackers send is answered in JSON, in the dialect's words, and never with a 5xx."""

from __future__ import annotations

import io
import json
import logging
import logging.config

import pytest
from django.conf import settings
from django.test import Client
from django.urls import get_resolver

from config.logs import logging_settings
from orders.api import throttling
from orders.domain.setup.tokens import TokenDraft, issue_token, revoke_token
from orders.models import ApiToken, Order
from tests.api.conftest import Program, program
from tests.world import SYSTEM, World, everything

pytestmark = pytest.mark.django_db
V1 = "/api/v1/orders"
WEB = "/api/web/1.0/orders"
BOTH = pytest.mark.parametrize("url", [V1, WEB])
ENVELOPE = {V1: {"status", "message", "errors"}, WEB: {"message", "errors"}}


def refused(answer, url: str, status: int) -> None:
    assert answer.status_code == status, answer.content
    assert ENVELOPE[url] <= set(answer.json()) <= ENVELOPE[url] | {"code"}
    if url == V1:
        assert answer.json()["status"] == "error"


class TestTheToken:
    @BOTH
    def test_whatever_is_wrong_with_it_the_answer_is_the_same(self, world: World, url: str) -> None:
        secret = program(world).secret
        wrong = [
            {},
            {"Authorization": ""},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer "},
            {"Authorization": f"Basic {secret}"},
            {"Authorization": secret},
            {"Authorization": f"Bearer {secret}, Bearer {secret}"},
            {"Authorization": f"Bearer {secret[:-1]}"},
            {"Authorization": "Bearer pk_live_" + "A" * 36},
            {"Authorization": "Bearer é\x00"},
            {"Authorization": f"Bearer {issue_revoked(world)}"},
        ]
        answers = [Program(None).get(url, **headers) for headers in wrong]
        answers += [Program(None).get(f"{url}?{name}={secret}") for name in ("token", "api_token")]
        for answer in answers:
            refused(answer, url, 401)
            assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'
            assert answer.content == answers[0].content

    @BOTH
    def test_the_scheme_is_read_in_any_case(self, world: World, url: str) -> None:
        secret = program(world).secret
        for scheme in ("Bearer", "bearer", "BEARER"):
            assert Program(None).get(url, Authorization=f"{scheme} {secret}").status_code == 200

    @BOTH
    def test_twenty_wrong_ones_a_minute_then_429_while_right_ones_pass(
        self, atlas: Program, url: str
    ) -> None:
        wrong = Program("pk_live_" + "A" * 36)
        assert [wrong.get(url).status_code for _ in range(22)] == [401] * 20 + [429] * 2
        answer = wrong.get(url)
        refused(answer, url, 429)
        assert 1 <= int(answer["Retry-After"]) <= 60
        assert atlas.get(url).status_code == 200

    def test_its_use_is_kept_with_the_address(self, atlas: Program) -> None:
        atlas.get(V1)
        token = ApiToken.objects.get()
        assert token.last_used_at is not None
        assert token.last_used_address == "127.0.0.1"

    def test_it_stands_in_no_log(self, atlas: Program) -> None:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        settings_of_logs = logging_settings(level="INFO")
        configurator = logging.config.DictConfigurator(settings_of_logs)
        handler.setFormatter(configurator.configure_formatter(settings_of_logs["formatters"]["json"]))
        logging.getLogger().addHandler(handler)
        try:
            atlas.get(f"{V1}/{atlas.secret}")
            atlas.get(f"{V1}?city={atlas.secret}")
            atlas.post(WEB, {"orders": [{"full_name": atlas.secret}]})
        finally:
            logging.getLogger().removeHandler(handler)
        assert stream.getvalue().count('"event": "request"') == 3
        assert atlas.secret not in stream.getvalue()


def issue_revoked(world: World) -> str:
    issued = issue_token(TokenDraft(world.merchant.pk, "old", frozenset({"view"})), actor=SYSTEM)
    revoke_token(issued.token.pk, actor=SYSTEM)
    return issued.secret


class TestTheBody:
    @BOTH
    @pytest.mark.parametrize(
        "raw",
        [
            b" ",
            b"{",
            b"[]",
            b"null",
            b'"x"',
            b'{"a": NaN}',
            b'{"a": Infinity}',
            b'{"a": -Infinity}',
            b'{"a": 1, "a": 2}',
            b'{"orders": [{"total": 1, "total": 2}]}',
            b'{"a": ' + b"9" * 5000 + b"}",
            b'{"a": 1E+9999999999999999999}',
            b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b'{"a":' + b'{"a":' * 30 + b"1" + b"}" * 30 + b"}",
            b'{"a": "\xff"}',
            '{"a": 1}'.encode("utf-16"),
            b'{"a": "line\nend"}',
        ],
    )
    def test_what_cannot_be_read_is_400(self, atlas: Program, url: str, raw: bytes) -> None:
        refused(atlas.post(url, raw), url, 400)
        assert not Order.objects.exists()

    @BOTH
    def test_a_byte_order_mark_is_taken(self, atlas: Program, url: str) -> None:
        refused(atlas.post(url, b"\xef\xbb\xbf{}"), url, 422)

    @BOTH
    def test_more_than_8_mib_is_413(self, atlas: Program, url: str) -> None:
        size = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        assert size == 8 * 1024 * 1024
        refused(atlas.post(url, b" " * (size - 2) + b"{}"), url, 422)
        refused(atlas.post(url, b" " * (size - 1) + b"{}"), url, 413)

    @BOTH
    def test_a_refused_body_is_read_to_its_end_so_that_the_answer_is_seen(
        self, world: World, atlas: Program, url: str
    ) -> None:
        body = b" " * 9_000_000
        answers = [atlas.post(url, body), program(world, "view").post(url, body)]
        assert [answer.status_code for answer in answers] == [413, 403]
        assert [answer.wsgi_request.read(1) for answer in answers] == [b"", b""]
        stranger = Program(None).post(url, body)
        assert (stranger.status_code, stranger.wsgi_request.read(1)) == (401, b" ")

    @BOTH
    @pytest.mark.parametrize(
        "content_type",
        [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "application/xml",
            "text/plain",
            "application/jsonx",
            "",
        ],
    )
    def test_anything_but_json_is_415(self, atlas: Program, url: str, content_type: str) -> None:
        refused(atlas.call("POST", url, b'{"orders": []}', content_type=content_type), url, 415)

    @BOTH
    def test_a_charset_is_no_matter(self, atlas: Program, url: str) -> None:
        refused(atlas.call("POST", url, b"{}", content_type="Application/JSON; charset=utf-8"), url, 422)

    def test_numbers_too_large_for_money_are_422_at_once(self, world: World, atlas: Program) -> None:
        world.product("A")
        order = (
            '{"full_name":"x","phone":"1","city":"x","address":"x","is_fees_paid_by_customer":true,'
            '"total":%s,"products":[{"sku":"A","quantity":%s,"price":1}]}'
        )
        for total, quantity in (("1e308", "1"), ("1E+999999999", "1"), ("10", "1e400"), ("-0.0", "1")):
            raw = f'{{"orders":[{order % (total, quantity)}]}}'.encode()
            refused(atlas.post(WEB, raw), WEB, 422)
        assert not Order.objects.exists()

    def test_digits_of_other_scripts_are_stored_as_numbers_and_exponents_are_numbers(
        self, world: World, atlas: Program
    ) -> None:
        world.product("A")
        order = {
            "full_name": "x",
            "phone": "1",
            "city": "x",
            "address": "x",
            "is_fees_paid_by_customer": True,
            "total": "١٢",
            "products": [{"sku": "A", "quantity": "１２", "price": 1}],
        }
        assert atlas.post(WEB, {"orders": [order]}).status_code == 200
        made = Order.objects.get()
        assert (made.total, made.lines.get().quantity) == (12, 12)

    def test_signs_that_hide_or_reverse_text_are_not_kept(self, world: World, atlas: Program) -> None:
        world.product("A")
        order = {
            "full_name": "Ka\u202erim\u2066\U000e0041 \r\nA\u2028B\tC",
            "phone": "0661\r\n234567",
            "city": "كازا",
            "address": "a" + "\u0301" * 200,
            "is_fees_paid_by_customer": True,
            "total": 1,
            "products": [{"sku": "A", "quantity": 1, "price": 1}],
        }
        assert atlas.post(WEB, {"orders": [order]}).status_code == 200
        made = Order.objects.get()
        assert (made.full_name, made.phone, made.city) == ("Karim A B C", "0661 234567", "كازا")
        assert len(made.address) < 12

    def test_half_of_a_surrogate_pair_is_refused_by_field(self, world: World, atlas: Program) -> None:
        raw = b'{"orders":[{"full_name":"\\ud800","phone":"1","products":"\\ud800"}]}'
        answer = atlas.post(WEB, raw)
        refused(answer, WEB, 422)
        assert "orders.0.full_name" in answer.json()["errors"]

    def test_deep_values_where_texts_belong_are_422(self, atlas: Program) -> None:
        deep: object = 1
        for _ in range(15):
            deep = [deep]
        refused(atlas.post(WEB, {"orders": [{"full_name": deep}]}), WEB, 422)


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO")
# Every route of the programs' doors: the methods it answers, and an address of it. A route that is not
# named here fails the test below it.
ROUTES = {
    "api-v1-orders": ({"GET": "view", "POST": "create"}, V1, False),
    "api-v1-order": ({"GET": "view", "PUT": "update"}, V1 + "/{reference}", True),
    "api-web-orders": ({"GET": "view", "POST": "create", "PUT": "update"}, WEB, False),
    "api-web-order-show": ({"GET": "view"}, WEB + "/{reference}/show", True),
    "api-web-order": ({"DELETE": "delete"}, WEB + "/{reference}", True),
}


def test_every_route_is_looked_at() -> None:
    routed = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    assert {name for name in routed if name.startswith("api-")} == {*ROUTES, "api-unknown"}


def body_for(method: str) -> dict | None:
    return {} if method in ("POST", "PUT", "PATCH", "FOO") else None


@pytest.mark.parametrize("name", ROUTES)
class TestEveryRoute:
    def test_answers_its_methods_and_no_other(self, world: World, atlas: Program, name: str) -> None:
        answered, address, _ = ROUTES[name]
        address = address.format(reference=world.order().reference)
        for method in METHODS:
            allowed = method in answered or (method == "HEAD" and "GET" in answered)
            if allowed:
                continue
            before = everything()
            for headers in ({}, {"X-HTTP-Method-Override": "DELETE"}):
                answer = atlas.call(method, address, body_for(method), **headers)
                assert answer.status_code == 405, (method, answer.content)
                heads = {"HEAD"} if "GET" in answered else set()
                assert set(answer["Allow"].split(", ")) == {*answered, *heads}
            assert everything() == before

    def test_opens_with_the_ability_and_with_no_other(self, world: World, name: str) -> None:
        answered, address, _ = ROUTES[name]
        address = address.format(reference=world.order().reference)
        for method, needed in answered.items():
            before = everything()
            others = program(world, *(ability for ability in ApiToken.ABILITIES if ability != needed))
            answer = others.call(method, address, body_for(method))
            assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
            assert everything() == before
            assert program(world, needed).call(method, address, body_for(method)).status_code in (200, 422)

    def test_has_no_row_of_another_merchant(self, world: World, atlas: Program, name: str) -> None:
        answered, address, has_id = ROUTES[name]
        theirs = World(slug="casbah").order(status="CANCELED", external_reference="S-1")
        before = everything()
        for method in answered:
            for reference in (theirs.reference, "S-1", str(theirs.pk)) if has_id else ("",):
                bodies = [body_for(method)]
                if method == "PUT":
                    bodies = [
                        {"shipping_status": "pending", "address": "x"},
                        {"orders": [{"reference": theirs.reference, "status": "new"}]},
                    ]
                for body in bodies:
                    answer = atlas.call(method, address.format(reference=reference), body)
                    if has_id:
                        missing = atlas.call(method, address.format(reference="ORD-999999"), body)
                        assert (answer.status_code, answer.content) == (404, missing.content)
                    elif method == "GET":
                        assert answer.json()["data"] == []
                    else:
                        assert answer.status_code == 422
        assert everything() == before

    def test_is_closed_without_a_token(self, world: World, name: str) -> None:
        _answered, address, _has_id = ROUTES[name]
        address = address.format(reference=world.order(status="CANCELED").reference)
        before = everything()
        for method in METHODS:
            answer = Program(None).call(method, address, body_for(method))
            assert answer.status_code == 401, method
        assert everything() == before


class TestUnknownAddresses:
    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize(
        ("path", "keys"),
        [
            ("/api/", {"message", "errors"}),
            ("/api/nowhere", {"message", "errors"}),
            ("/api/v1/", {"status", "message", "errors"}),
            ("/api/v1/orders/", {"status", "message", "errors"}),
            ("/api/v1/orders/ORD-1/more", {"status", "message", "errors"}),
            ("/api/web/", {"message", "errors"}),
            ("/api/web/2.0/orders", {"message", "errors"}),
            ("/api/v1/orders\x00", {"status", "message", "errors"}),
        ],
    )
    def test_are_404_in_the_nearest_dialects_words(self, method: str, path: str, keys: set[str]) -> None:
        answer = Client(enforce_csrf_checks=True).generic(method, path)
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/json"
        if method != "HEAD":
            assert set(answer.json()) == keys

    def test_a_host_that_is_not_ours_is_400_in_json(self) -> None:
        answer = Client(raise_request_exception=False).get(V1, headers={"Host": "evil.example"})
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")
        assert answer.json()["status"] == "error"


class TestFaultsOfOurs:
    def test_are_500_in_the_dialects_words_without_their_inside(self, atlas: Program, monkeypatch) -> None:
        def fail(*_args, **_kwargs):
            raise RuntimeError("secret inner words")

        monkeypatch.setattr("orders.api.v1.views.take_numbered_page", fail)
        atlas.client.raise_request_exception = False
        answer = atlas.get(V1)
        assert answer.status_code == 500
        assert answer.json()["status"] == "error"
        assert b"secret inner words" not in answer.content
        assert answer.json()["request_id"] == answer["X-Request-ID"]

    def test_answers_carry_headers_that_no_browser_keeps_or_runs(self, atlas: Program) -> None:
        answer = atlas.get(V1)
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert not answer.cookies


def test_a_rate_is_told_in_every_answer(world: World) -> None:
    caller = program(world, rate=60)
    for number, answer in enumerate(
        (caller.get(V1), caller.get(f"{V1}?status=lost"), caller.get(f"{V1}/x")), 1
    ):
        assert answer["X-RateLimit-Limit"] == "60"
        assert answer["X-RateLimit-Remaining"] == str(60 - number)
        assert answer["RateLimit-Policy"] == '"default";q=60;w=60'
        assert answer["RateLimit"].startswith(f'"default";r={60 - number};t=')
        assert int(answer["X-RateLimit-Reset"]) > 1_700_000_000
    assert throttling.WINDOW_SECONDS == 60


@BOTH
def test_the_sixty_first_call_in_a_minute_is_429_in_the_dialects_words(world: World, url: str) -> None:
    caller = program(world, rate=60)
    assert [caller.get(url).status_code for _ in range(61)] == [200] * 60 + [429]
    answer = caller.get(url)
    refused(answer, url, 429)
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert answer["X-RateLimit-Remaining"] == "0"
    assert program(world).get(url).status_code == 200
    assert json.loads(answer.content)["code"] == "rate_limited"
