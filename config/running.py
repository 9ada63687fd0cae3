"""`python -m config.running`: makes everything ready, then hands over to the supervisor.

Each thing that can be wrong with a start ends it with one plain line; what runs afterwards and
how it is stopped stands in config/supervisord.conf.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SUPERVISING = Path(__file__).with_name("supervising.py")
LONGEST_WAIT = 8.0  # seconds for a server that does not answer


def main() -> None:
    try:
        prepare()
    except KeyboardInterrupt:
        sys.exit("stopped before anything was started")
    hand_over()


def prepare() -> None:
    """Everything that has to be true before the first request; leaves by SystemExit with a line."""
    os.chdir(PROJECT)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.conf import settings

    from config import web_server  # noqa: F401  (reads its own switches; a bad one is said now)
    from config.messages import compile_catalogues

    lock_data_folder(settings.DATA_DIR)
    check_port(settings.HOST, settings.PORT)
    within(LONGEST_WAIT, check_servers)
    django.setup()
    compile_catalogues()
    migrate()
    collect_static()
    fill_places()
    offer_accounts()


def hand_over() -> None:
    """Becomes the supervisor; the lock on the data folder stays held."""
    from django.conf import settings

    from config.hosts import bracketed, is_wildcard, own_addresses

    (settings.DATA_DIR / "logs").mkdir(exist_ok=True)
    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104
    local = f"http://{bracketed(loopback)}:{settings.PORT}"
    if is_wildcard(settings.HOST):
        for address in own_addresses():
            say(f"other machines reach this one at http://{bracketed(address)}:{settings.PORT}")
    os.environ.update(
        DATA_DIR=str(settings.DATA_DIR),
        PYTHON=sys.executable.replace("%", "%%"),
        PYTHONPATH=str(PROJECT),
        WORKER_PROCESSES=str(settings.WORKER_PROCESSES),
    )
    os.environ.pop("TZ", None)  # Django's, made for this process; the parts make their own
    os.chdir(settings.DATA_DIR)
    sys.stdout.flush()  # what a command has said and not yet written would be lost
    # -P: the modules beside the file (celery, logs, ...) must not hide the libraries of that name.
    os.execv(sys.executable, [sys.executable, "-P", str(SUPERVISING), local, local])


def lock_data_folder(folder: Path) -> None:
    """Refuses a second start on the same data: two beats and two web servers on one file."""
    handle = os.open(folder / "running.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(handle, 20).decode().strip() or "unknown"
        sys.exit(
            f"Packhouse already runs on DATA_DIR={folder} (process {holder}): "
            "stop it first, or choose another DATA_DIR and PORT."
        )
    os.truncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())
    os.set_inheritable(handle, True)  # held until the supervisor, which this process becomes, ends


def check_port(host: str, port: int) -> None:
    """Refuses an address that somebody else has, or that is not this machine's."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror:
        sys.exit(f"HOST={host!r} is not usable: no such name is known here.")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            other = port + 1 if port < 65535 else 8000
            sys.exit(
                f"PORT={port} is already in use on {host}: stop what uses it, or start with PORT={other}."
            )
        if error.errno == errno.EACCES:
            sys.exit(f"PORT={port} may not be used by this account: choose one from 1024 on.")
        sys.exit(f"HOST={host!r} is not usable: it is not an address of this machine.")


def within(seconds: float, check: Callable[[], None]) -> None:
    """Runs `check`, which may leave by SystemExit; when it hangs, as name servers do, the start ends."""
    ends: list[BaseException] = []

    def run() -> None:
        try:
            check()
        except BaseException as error:  # carried over to the main thread, whatever it is
            ends.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        print(
            f"DATABASE_URL or REDIS_URL is not usable: no answer within {seconds:.0f} s.",
            file=sys.stderr,
            flush=True,
        )
        os._exit(1)  # the hanging thread must not hold up the end
    if ends:
        raise ends[0]


def check_servers() -> None:
    """Refuses a database or a Redis that does not answer, or does not let us in."""
    from django.conf import settings
    from django.db import DatabaseError, InterfaceError, NotSupportedError, connection

    from config.env import without_password

    try:
        connection.ensure_connection()  # asks for the server's version too
    except (DatabaseError, InterfaceError, NotSupportedError, UnicodeError) as error:
        where = without_password(settings.DATABASE_URL) or f"sqlite:///{connection.settings_dict['NAME']}"
        sys.exit(f"DATABASE_URL={where!r} is not usable: {first_line(error)}")
    finally:
        connection.close()
    if settings.REDIS_URL:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        patience = {"socket_connect_timeout": 3, "socket_timeout": 3, "retry": Retry(NoBackoff(), 0)}
        try:
            with redis.Redis.from_url(settings.REDIS_URL, **patience) as client:
                client.ping()
        except (redis.RedisError, ValueError, OSError) as error:
            sys.exit(f"REDIS_URL={without_password(settings.REDIS_URL)!r} is not usable: {first_line(error)}")


def migrate() -> None:
    """Brings the tables up to this version; a second start finds nothing to do."""
    from django.core.management import call_command
    from django.db import DatabaseError, connection
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connection)
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return
        say("preparing the database")
        call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        sys.exit(f"The database cannot be prepared: {first_line(error)}")


def collect_static() -> None:
    """Gathers, hashes and compresses the static files, when they changed since it was last done."""
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finders
    from django.core.management import call_command

    if settings.DEBUG:
        return  # served from where they lie
    files = [(name, storage.path(name)) for finder in get_finders() for name, storage in finder.list([])]
    states = sorted((name, path, Path(path).stat().st_mtime_ns) for name, path in files)
    fingerprint = hashlib.sha256(repr(states).encode()).hexdigest()
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    say("preparing the static files")
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(fingerprint)


def fill_places() -> None:
    """Loads the cities that orders are matched against into a database that knows none."""
    from django.core.management import call_command

    from orders.models import City

    if not City._default_manager.exists():
        call_command("load_places")


def offer_accounts() -> None:
    """Loads the demo into an empty database when that is wanted; else says how the first account is made."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    if get_user_model()._default_manager.exists():
        return  # somebody's data: demo accounts have no business there
    if settings.DEMO:
        say("loading the demo (a few seconds, once)")
        call_command("load_demo")
    else:
        say("there are no accounts yet; `.venv/bin/python manage.py createsuperuser` makes the first one")


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
