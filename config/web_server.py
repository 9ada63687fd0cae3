"""Gunicorn's settings: `gunicorn --config python:config.web_server config.wsgi`.

Everything here can be changed by a switch that docs/operations.md names, or not at all.
"""

import gc
import os

from config.env import Switches
from config.hosts import bracketed
from config.logs import logging_settings

_switches = Switches()

bind = f"{bracketed(_switches.host('HOST', '127.0.0.1'))}:{_switches.whole('PORT', 8000, low=1, high=65535)}"
worker_class = "gthread"
workers = _switches.whole("WEB_PROCESSES", 2, low=1, high=64)
threads = _switches.whole("WEB_THREADS", 8, low=1, high=64)
preload_app = True  # loaded once, shared by the processes: a third less memory
timeout = 60
graceful_timeout = 5
keepalive = 5
max_requests = 20_000  # a process that grew is replaced before anybody notices
max_requests_jitter = 2_000
limit_request_line = 8190  # filters and a cursor fit, with room
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  (heartbeats off the disk)
control_socket_disable = True
accesslog = None  # config.middleware writes a line for each request, with its id
logconfig_dict = logging_settings(level="INFO")


def when_ready(_server: object) -> None:
    """What was loaded stays: the collector need not walk it again during somebody's scan."""
    gc.collect()
    gc.freeze()
