"""The Celery application: an alarm clock that says "look at the table".

What is to be done stands in the database; a lost message costs seconds, never work.
"""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("packhouse")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["orders", "shipping"])
