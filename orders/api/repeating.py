"""Makes a creating call count once, however often a program sends it with the same Idempotency-Key.

The claim is committed before the work, the answer in the transaction of the work itself: whatever
dies in between, the call either happened with its answer kept, or did not happen.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from orders.api.authentication import Caller
from orders.api.dialects import Failed, Failure
from orders.api.refusing import json_text, json_text_response
from orders.domain.rows.clock import database_now, from_now
from orders.domain.rows.locking import write_transaction
from orders.models import IdempotencyKey

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEPT = dt.timedelta(hours=24)
LEASE = dt.timedelta(seconds=60)
_WELL_FORMED = re.compile(r"[\x21-\x7e]{1,255}")

Work = Callable[[], tuple[int, Any]]  # the status and the body of the answer


def answer_once(request: Request, caller: Caller, raw_body: bytes, work: Work) -> HttpResponse:
    """What `work` answers, done in one transaction; or what it answered before under the same key.

    Without the header the work is simply done. The same key with another body is 422, one that is
    still being worked on 409. A refused call gives its key back.
    """
    key = request.headers.get(HEADER)
    if key is None:
        status, body = write_transaction(work)
        return json_text_response(json_text(body), status)
    if not _WELL_FORMED.fullmatch(key):
        words = _("The Idempotency-Key has to be 1 to 255 printable ASCII signs without spaces.")
        raise Failed(Failure(400, words, "idempotency_key_invalid"))
    claim = _claim(request, caller, key, hashlib.sha256(raw_body).hexdigest())
    if isinstance(claim, HttpResponse):
        return claim
    try:
        text, status = write_transaction(lambda: _work_and_keep(claim, work))
    except Exception:
        IdempotencyKey.objects.filter(pk=claim.pk, owner=claim.owner, status__isnull=True).delete()
        raise
    return json_text_response(text, status)


def forget_old_keys() -> None:
    """Deletes keys older than they are kept; one statement."""
    IdempotencyKey.objects.filter(claimed_at__lt=from_now(-KEPT.total_seconds())).delete()


def _work_and_keep(claim: IdempotencyKey, work: Work) -> tuple[str, int]:
    status, body = work()
    text = json_text(body)
    # Whoever took the claim over while this call slept owns it now; what was done here is undone.
    kept = IdempotencyKey.objects.filter(pk=claim.pk, owner=claim.owner, status__isnull=True).update(
        status=status, answer=text, content_type="application/json"
    )
    if kept != 1:
        raise _still_running()
    return text, status


def _claim(request: Request, caller: Caller, key: str, fingerprint: str) -> IdempotencyKey | HttpResponse:
    """The key, now this call's own; or the answer that stands under it already."""
    owner = uuid.uuid4().hex
    place = {
        "merchant_id": caller.merchant.pk,
        "method": request.method or "",
        "path": request.path[:200],
        "key": key,
    }
    fresh = {
        "fingerprint": fingerprint,
        "owner": owner,
        "claimed_at": database_now(),
        "leased_until": from_now(LEASE.total_seconds()),
        "status": None,
        "answer": "",
    }
    for _try in range(2):
        try:
            with transaction.atomic():
                return IdempotencyKey.objects.create(**place, **fresh)
        except IntegrityError:
            pass
        rows = IdempotencyKey.objects.filter(**place)
        if rows.filter(claimed_at__lt=from_now(-KEPT.total_seconds())).update(**fresh) == 1:
            return rows.get(owner=owner)
        found = rows.first()
        if found is None:
            continue  # given back a moment ago
        if found.fingerprint != fingerprint:
            words = _("This Idempotency-Key was used for another body. Use a key of its own for each call.")
            raise Failed(Failure(422, words, "idempotency_key_reused"))
        if found.status is not None:
            return json_text_response(found.answer, found.status, headers={REPLAYED: "true"})
        taken_over = rows.filter(
            owner=found.owner, status__isnull=True, leased_until__lte=database_now()
        ).update(owner=owner, leased_until=from_now(LEASE.total_seconds()))
        if taken_over == 1:
            return rows.get(owner=owner)
        break
    raise _still_running()


def _still_running() -> Failed:
    words = _("A call with this Idempotency-Key is still being worked on. Send it again in a moment.")
    return Failed(Failure(409, words, "idempotency_key_in_use", headers={"Retry-After": "1"}))
