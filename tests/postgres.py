"""A PostgreSQL server of the tests' own: Debian's package, on loopback, by an unprivileged user, gone afterwards."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from db.engine import open_engine
from db.migrate import upgrade

INSTALL = "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql"


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`, installed if this may be done here; None if there is none."""
    if not (found := _installed()) and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(INSTALL, shell=True, capture_output=True, timeout=240, check=False)
        found = _installed()
    return found


def _installed() -> Path | None:
    beside = shutil.which("initdb")
    places = [Path(beside).parent] if beside else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((place for place in reversed(places) if (place / "postgres").is_file()), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """new() -> URL of a database at the newest schema, empty. Tests that ask for it are skipped where there is none."""
    where = programs()
    if where is None:
        pytest.skip("PostgreSQL could not be installed: tests on it did not run (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="studio-postgres-"))
    user = {"user": "postgres"} if os.geteuid() == 0 else {}  # the server refuses to run as root
    if user:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    make = [where / "initdb", "-D", folder / "data", "-A", "trust", "-U", "studio", "-E", "UTF8", "--no-sync"]
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": 200}
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    log = (folder / "log").open("wb")
    subprocess.run(make, cwd=folder, stdout=log, stderr=log, check=True, **user)
    server = subprocess.Popen(
        [where / "postgres", "-D", folder / "data", *settings], cwd=folder, stdout=log, stderr=log, **user
    )
    base = f"postgresql+psycopg://studio@127.0.0.1:{port}/"
    admin = create_engine(f"{base}postgres", isolation_level="AUTOCOMMIT")
    numbers = itertools.count(1)

    def run(statement: str) -> None:
        with admin.connect() as connection:
            connection.execute(text(statement))

    def new() -> str:
        name = f"studio{next(numbers)}"
        run(f"CREATE DATABASE {name} TEMPLATE blank")
        return base + name

    try:
        _wait(admin, server, folder / "log")
        run("CREATE DATABASE blank")
        engine = open_engine(f"{base}blank")
        upgrade(engine)
        engine.dispose()
        yield new
    finally:
        admin.dispose()
        server.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed any more
        server.wait(30)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(admin, server: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            admin.connect().close()
            return
        except OperationalError:
            time.sleep(0.1)
    pytest.fail(f"PostgreSQL did not start:\n{log.read_text()[-2000:]}")
