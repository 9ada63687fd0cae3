"""Two plain answers for whoever watches over the product: is it up, and can it do its work.

Neither needs a login, a session or Redis.
"""

from __future__ import annotations

from functools import cache

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 as long as this process answers requests."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when the database answers and holds every migration of this version, else 503; one statement."""
    try:
        applied = set(MigrationRecorder(connection).migration_qs.values_list("app", "name"))
    except (DatabaseError, InterfaceError):
        return _not_ready(database="the database does not answer, or holds nothing yet")
    missing = len(_known_migrations() - applied)
    if missing:
        return _not_ready(migrations=f"{missing} not applied; run `python manage.py migrate`")
    return JsonResponse({"status": "ok", "database": "ok", "migrations": "ok"})


def _not_ready(**what: str) -> JsonResponse:
    return JsonResponse({"status": "unavailable", **what}, status=503, headers={"Retry-After": "5"})


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """The migrations that this version's files hold; they do not change while it runs."""
    return frozenset(MigrationLoader(None).disk_migrations)
