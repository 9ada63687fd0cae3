"""The WSGI callable that the web server loads.

What is true of pages only, and not of commands and background work, is set here.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Nobody waits at a page for longer, neither for the database nor to leave a hint for the worker.
os.environ.setdefault("STATEMENT_SECONDS", "15")
os.environ.setdefault("BROKER_SECONDS", "1")

application = get_wsgi_application()
