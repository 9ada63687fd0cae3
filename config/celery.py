"""The Celery application: an alarm clock that says "look at the table".

What is to be done stands in the database; a lost message costs seconds, never work.
"""

from __future__ import annotations

import ctypes
import logging.config
import os
import signal
import sys
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init
from kombu.transport import TRANSPORT_ALIASES

from config.brokers import FILES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
TRANSPORT_ALIASES[FILES] = "config.message_files:Transport"

PR_SET_PDEATHSIG = 1

app = Celery("packhouse")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["orders", "shipping"])

# Beat only leaves hints by name: without Django's apps and our tasks it takes less than half the memory.
clock = Celery("packhouse-clock", fixups=(), set_as_current=False)
clock.config_from_object("django.conf:settings", namespace="CELERY")


@setup_logging.connect  # type: ignore[untyped-decorator]  # celery has no types
def log_as_settings_say(**_signal: Any) -> None:
    """Takes the place of Celery's own set-up of the loggers."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def end_with_parent(**_signal: Any) -> None:
    """Has the kernel end a worker's child when the worker is killed: it would wait for ever for work."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
