"""Reads what was sent, form-encoded and JSON alike, into one shape.

Whether the values make sense for an action is the domain's business.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NoReturn

from django.core.exceptions import BadRequest
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orders.domain.life.batches import MAX_IDS
from orders.domain.refusals import InvalidInput

MAX_DEPTH = 20
LARGEST_ID = 2**63 - 1
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


class Body:
    """The values sent, by name. Getters refuse a value they cannot read with 422 on its name."""

    def __init__(self, values: Mapping[str, Any], *, is_json: bool) -> None:
        self.values = values
        self.is_json = is_json

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: Any = None) -> Any:
        """The value as sent: a JSON value, or the last text of a form's field."""
        value = self.values.get(name, default)
        return value[-1] if not self.is_json and isinstance(value, list) and value else value

    def text(self, name: str, *, required: bool = False, max_length: int | None = None) -> str:
        """The value as a text without blanks around it; '' when it was not sent."""
        value = self.get(name)
        if isinstance(value, bool) or not (value is None or isinstance(value, (str, int, Decimal))):
            raise _refusal(name, _("Send a text."))
        text = "" if value is None else str(value).strip()
        if required and not text:
            raise _refusal(name, _("This is required."))
        if max_length is not None and len(text) > max_length:
            raise _refusal(
                name,
                ngettext("Use at most %(count)d character.", "Use at most %(count)d characters.", max_length)
                % {"count": max_length},
            )
        return text

    def flag(self, name: str, *, default: bool = False) -> bool:
        """The value as yes or no; a checkbox's "on" counts as yes."""
        if name not in self.values:
            return default
        value = self.get(name)
        word = str(value).strip().lower() if isinstance(value, (str, bool, int)) else "?"
        if value is None or word in _FALSE:
            return False
        if word in _TRUE:
            return True
        raise _refusal(name, _("Send true or false."))

    def number(self, name: str, *, required: bool = False) -> int | None:
        """The value as a whole number; None when it was not sent."""
        value = self.get(name)
        if value in (None, ""):
            if required:
                raise _refusal(name, _("This is required."))
            return None
        number = whole_number(value)
        if number is None:
            raise _refusal(name, _("Send a whole number."))
        return number

    def day(self, name: str, *, required: bool = False) -> dt.date | None:
        """The value as a day, written YYYY-MM-DD; None when it was not sent."""
        text = self.text(name, required=required)
        if not text:
            return None
        day = read_day(text)
        if day is None:
            raise _refusal(name, _("Write the date as YYYY-MM-DD."))
        return day

    def ids(self, name: str = "ids", *, limit: int | None = MAX_IDS) -> list[int]:
        """The ids in the order sent, from `ids` repeated, `ids[]` or a JSON list; at least one."""
        sent = self.values.get(name, self.values.get(f"{name}[]"))
        listed = [value for value in (sent if isinstance(sent, list) else [sent]) if value not in (None, "")]
        if not listed:
            raise _refusal(name, _("Choose at least one order."))
        ids = [whole_number(value) for value in listed]
        wrong = [value for value, number in zip(listed, ids, strict=True) if number is None]
        if wrong:
            shown = ", ".join(str(value)[:40] for value in wrong[:5])
            raise _refusal(name, _("Not an order's number: %(values)s.") % {"values": shown})
        if limit is not None and len(set(ids)) > limit:
            raise _refusal(
                name,
                _("%(count)s orders at once are too many: send at most %(limit)s.")
                % {"count": f"{len(set(ids)):,}", "limit": f"{limit:,}"},
            )
        return [number for number in ids if number is not None]


def read_body(request: HttpRequest) -> Body:
    """What the request carries, whatever its method; malformed JSON is 400."""
    if request.content_type == "application/json":
        values = _read_json(request)
        return Body(values, is_json=True)
    fields = _read_form(request)
    values = {name: fields.getlist(name) for name in fields}
    _refuse_unprintable(values)
    return Body(values, is_json=False)


def whole_number(value: object) -> int | None:
    """The number that a row's id can be, or None."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value).strip() if isinstance(value, str) else f"{value:d}" if abs(value) <= LARGEST_ID else ""
    if not _WHOLE.fullmatch(text) or abs(int(text)) > LARGEST_ID:
        return None
    return int(text)


def read_day(text: str) -> dt.date | None:
    """The day that the text writes as YYYY-MM-DD, or None."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _read_form(request: HttpRequest) -> QueryDict:
    if request.method == "POST":
        return request.POST
    if request.content_type == "multipart/form-data":
        try:
            return request.parse_file_upload(request.META, request)[0]
        except MultiPartParserError as error:
            raise BadRequest(_("This form cannot be read.")) from error
    body = QueryDict(request.body, encoding=request.encoding)
    # Not every client sends a body with DELETE.
    return request.GET if request.method == "DELETE" and not body else body


def _read_json(request: HttpRequest) -> Mapping[str, Any]:
    try:
        values = json.loads(request.body.decode(), parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest(_("This is not well-formed JSON.")) from error
    if not isinstance(values, dict):
        raise _refusal("body", _("Send a JSON object."))
    _refuse_unprintable(values)
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _refuse_unprintable(values: Mapping[str, Any]) -> None:
    """No database keeps a NUL or half a character: say so instead of failing there."""
    for path, text in _texts(values, (), 0):
        if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
            raise _refusal(".".join(path), _("This holds a character that cannot be stored. Type it again."))


def _texts(value: object, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    if depth > MAX_DEPTH:
        raise BadRequest(_("This JSON is nested too deeply."))
    if isinstance(value, str):
        yield path, value
        return
    inner: Iterable[tuple[object, object]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for key, below in inner:
        if isinstance(key, str):
            yield ("body",), key
        yield from _texts(below, (*path, str(key)), depth + 1)


def _refusal(name: str, text: str) -> InvalidInput:
    return InvalidInput({name: [text]})
