"""The Celery application: an alarm clock that says "look at the table".

What is to be done stands in the database; a lost message costs seconds, never work.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("packhouse")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["orders", "shipping"])


@setup_logging.connect  # type: ignore[untyped-decorator]  # celery has no types
def keep_django_logging(**_signal: Any) -> None:
    """Being connected is all it does: Celery then leaves the loggers as Django's settings made them."""
