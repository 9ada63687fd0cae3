"""Reads JSON from programs strictly: what two readers could understand in two ways is refused.

What the values mean is each dialect's business.
"""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, Protocol

from django.conf import settings
from django.utils.translation import gettext as _

from orders.api.dialects import Failed, Failure

MEDIA_TYPE = "application/json"
MAX_DEPTH = 20
MOST_DRAINED = 64 * 1024**2
_CHUNK = 64 * 1024


class Readable(Protocol):
    """A request's body."""

    def read(self, size: int, /) -> bytes: ...


def read_bytes(stream: Readable) -> bytes:
    """All that was sent; 413 when it is more than one request may hold."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    try:
        raw: bytes = stream.read(limit + 1)
    except OSError:  # the caller went away in the middle
        raise _unreadable(_("The body ended before its length was reached.")) from None
    if len(raw) > limit:
        raise too_large()
    return raw


def drain(stream: Readable) -> None:
    """Reads what is left of a refused body, within limits, and forgets it.

    A connection closed over unread bytes is reset, and its caller never sees the answer.
    """
    left = MOST_DRAINED
    with suppress(OSError):
        while left > 0 and (chunk := stream.read(min(left, _CHUNK))):
            left -= len(chunk)


def read_json(raw: bytes) -> Any:
    """The value; numbers with a point or an exponent as Decimals. Ends the request with 400 otherwise."""
    try:
        value = json.loads(
            raw.decode("utf-8-sig"),
            object_pairs_hook=_object,
            parse_float=Decimal,
            parse_constant=_no_constant,
        )
    except RecursionError:
        raise _unreadable(_too_deep()) from None
    except (ValueError, InvalidOperation):
        raise _unreadable(_("This is not valid JSON in UTF-8.")) from None
    _check_depth(value)
    return value


def too_large() -> Failed:
    megabytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2
    words = _("This is too much at once: send at most %(megabytes)s MB in one request.")
    return Failed(Failure(413, words % {"megabytes": megabytes}))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise _unreadable(_("A name stands twice in one object; which value is meant cannot be known."))
    return read


def _no_constant(name: str) -> NoReturn:
    raise _unreadable(_("%(name)s is no JSON number.") % {"name": name})


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, (dict, list)) else []
    for _depth in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise _unreadable(_too_deep())


def _too_deep() -> str:
    return _("This is too deeply nested: use at most %(limit)s levels.") % {"limit": MAX_DEPTH}


def _unreadable(words: str) -> Failed:
    return Failed(Failure(400, words, "unreadable"))
