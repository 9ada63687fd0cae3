"""Settings: one file, every switch read from the environment.

Nothing here decides anything about orders; see docs/operations.md for the switches.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from config.brokers import broker_settings, redis_url
from config.databases import database_from_url, database_url
from config.env import Switches
from config.hosts import allowed_hosts
from config.logs import configure_structlog, logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent
switches = Switches()

DATA_DIR = switches.folder("DATA_DIR", BASE_DIR / "var")
DEBUG = switches.flag("DEBUG", default=False)
DATABASE_URL = database_url(switches)
REDIS_URL = redis_url(switches)
PUBLIC_URL = switches.url("PUBLIC_URL", schemes=("https", "http"), wanted="https://packhouse.example")
HOST = switches.host("HOST", "127.0.0.1")
PORT = switches.whole("PORT", 8000, low=1, high=65535)
PROXIES = switches.whole("PROXIES", 0, low=0, high=9)  # how many reverse proxies stand in front
DEMO = switches.flag("DEMO", default=not DATABASE_URL.startswith("postgres"))


def _secret_key() -> str:
    """The key from SECRET_KEY, else one made once and kept in the data folder."""
    given = switches.secret("SECRET_KEY", at_least=32)
    if given:
        return given
    kept = DATA_DIR / "secret_key"
    if not kept.exists():
        fresh = kept.with_name(f"secret_key.{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(64))
        with suppress(FileExistsError):  # whoever comes second keeps the first one's key
            kept.hardlink_to(fresh)
        fresh.unlink()
    return kept.read_text().strip()


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = switches.words("SECRET_KEY_FALLBACKS")  # earlier keys, while sessions live on
HTTPS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = allowed_hosts(host=HOST, given=switches.words("ALLOWED_HOSTS"), public_url=PUBLIC_URL)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL.rstrip("/")] if PUBLIC_URL else []

INSTALLED_APPS = [
    "orders.apps.OrdersConfig",
    "shipping.apps.ShippingConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "import_export",
    "django_htmx",
    "lucide",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "config.middleware.identify_request",
    "config.middleware.add_headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "orders.web.answers.RefusalMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "orders.web.frame.frame",
            ],
        },
    },
]

STATEMENT_SECONDS = switches.whole("STATEMENT_SECONDS", 0, low=0, high=3600)  # pages: see config/wsgi.py
DATABASES: dict[str, dict[str, Any]] = {
    "default": database_from_url(DATABASE_URL, data_dir=DATA_DIR, statement_seconds=STATEMENT_SECONDS)
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- people and sessions -------------------------------------------------
AUTH_USER_MODEL = "orders.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "today"
LOGOUT_REDIRECT_URL = "login"
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # a flushed Redis must not log everyone out
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-sid" if HTTPS else "sid"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True  # pages carry the token in hx-headers
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SECURE = HTTPS
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # trying on does not lock anybody out for longer
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # a stranger elsewhere locks nobody out
AXES_LOCKOUT_CALLABLE = "config.failures.too_many_logins"
AXES_CLIENT_IP_CALLABLE = "config.middleware.client_address"
AXES_RESET_ON_SUCCESS = True
CSRF_FAILURE_VIEW = "config.failures.csrf_failed"

# --- transport and headers -----------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if HTTPS:
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked from the machine itself, in plain HTTP
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "media-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "manifest-src": ["'self'"],
        "worker-src": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_HANDLERS = [
    "orders.web.uploading.UploadLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
# The admin reads and writes tables as the imports and exports do.
IMPORT_EXPORT_FORMATS = ["orders.exchange.formats.CSV", "orders.exchange.formats.XLSX"]

# --- files ----------------------------------------------------------------
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "config.assets.HashedAssets"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = DATA_DIR / "files"  # outside the web root: a view serves each file to its owner

# --- language and time ----------------------------------------------------
LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
# A language is offered once its catalogue is there: a page in two languages helps nobody.
LANGUAGES = [
    (code, name)
    for code, name in [("en", "English"), ("fr", "Français"), ("ar", "العربية")]
    if code == LANGUAGE_CODE or (LOCALE_PATHS[0] / code / "LC_MESSAGES" / "django.po").exists()
]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Africa/Casablanca"  # the day of staff; a merchant's day is the merchant's own

# --- background work --------------------------------------------------------
SWEEP_SECONDS = switches.whole("SWEEP_SECONDS", 5, low=1, high=3600)
LEASE_SECONDS = switches.whole("LEASE_SECONDS", 90, low=1, high=3600)
WORKER_PROCESSES = switches.whole("WORKER_PROCESSES", 2, low=1, high=64)
_broker = broker_settings(
    REDIS_URL, data_dir=DATA_DIR, patience=switches.whole("BROKER_SECONDS", 5, low=1, high=60)
)
CELERY_BROKER_URL: str = _broker["broker_url"]
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = _broker["broker_transport_options"]
CELERY_TASK_ACKS_LATE: bool = _broker["task_acks_late"]
CELERY_TASK_REJECT_ON_WORKER_LOST = CELERY_TASK_ACKS_LATE
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_PUBLISH_RETRY = False  # a hint that cannot be left is left out: the sweep finds the row
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a Redis that was away is waited for
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "orders.tasks.sweep",
        "schedule": float(SWEEP_SECONDS),
        # Sweeps that nobody took in time do not pile up: the next one sees the same rows.
        "options": {"expires": SWEEP_SECONDS},
    }
}

# --- logs ---------------------------------------------------------------------
configure_structlog()
LOGGING = logging_settings(level="INFO")
