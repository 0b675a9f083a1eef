"""Engines and sessions: SQLite that keeps what it accepted, or PostgreSQL by URL. One writer at a time on both."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session

BUSY_SECONDS = 30  # how long a writer waits for another one
WRITER = 7701  # PostgreSQL's advisory lock that this application's writers hold


__all__ = ["DatabaseProblem", "Engine", "open_engine", "session_scope", "sqlite_file"]


class Turns:
    """The queue of one process's writers: first come, first served, but what people wait for goes before the rest.

    SQLite's own waiting sleeps up to 100 ms at a time and lets anybody overtake.
    """

    def __init__(self) -> None:
        self._lock, self._busy = threading.Lock(), False
        self._urgent, self._others = deque[threading.Event](), deque[threading.Event]()

    @contextmanager
    def take(self, urgent: bool) -> Iterator[None]:
        """Wait for one's turn; the next one begins at the end of the block."""
        with self._lock:
            waits = threading.Event() if self._busy else None
            if waits is not None:
                (self._urgent if urgent else self._others).append(waits)
            self._busy = True
        if waits is not None:
            waits.wait()
        try:
            yield
        finally:
            with self._lock:
                waiting = self._urgent or self._others
                if waiting:
                    waiting.popleft().set()
                else:
                    self._busy = False


_TURNS: WeakKeyDictionary[Engine, Turns] = WeakKeyDictionary()


class DatabaseProblem(Exception):
    """The database can't be used: one sentence that says why and what to do next."""


def sqlite_file(url: str) -> Path | None:
    """The file behind a SQLite URL, None for another database. Raises DatabaseProblem if it is no database URL."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseProblem(f"{url!r} is no database URL: write sqlite:///FILE or postgresql+psycopg://...") from None
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:":
        raise DatabaseProblem("the studio keeps its work in a file: write sqlite:///FILE")
    return Path(parsed.database)


def open_engine(url: str) -> Engine:
    """An engine whose every connection is set up alike. SQLite: the folder of the file is created."""
    path = sqlite_file(url)
    engine = _open_server(url) if path is None else _open_file(url, path)
    _TURNS[engine] = Turns()
    return engine


def _open_file(url: str, path: Path) -> Engine:
    """WAL with synchronous=FULL: an acknowledged save survives a power cut. SQLAlchemy emits BEGIN itself, after
    https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#sqlite-enabling-transactions
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, pool_size=16, max_overflow=64, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        wait = f"busy_timeout={BUSY_SECONDS * 1000}"
        connection.isolation_level = None  # sqlite3 emits no BEGIN of its own
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", wait):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes the lock at once: upgrading a read lock later fails without waiting.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _open_server(url: str) -> Engine:
    """PostgreSQL, writers one after the other as on SQLite: what is proved there holds here."""
    wait = {"options": f"-c lock_timeout={BUSY_SECONDS * 1000}"} if url.startswith("postgresql") else {}
    try:
        engine = create_engine(url, pool_pre_ping=True, pool_size=16, max_overflow=48, connect_args=wait)
    except (ImportError, NoSuchModuleError) as error:
        raise DatabaseProblem(f"the driver of this database is not installed ({error}): install it first") from None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes", False):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER})")
        else:  # one snapshot for all of a reader's queries, as on SQLite
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

    return engine


@contextmanager
def session_scope(engine: Engine, writes: bool = False, urgent: bool = False) -> Iterator[Session]:
    """One unit of work: committed at the end, rolled back on any exception. Objects stay readable afterwards."""
    turn = _TURNS[engine].take(urgent) if writes else nullcontext()
    with turn, Session(engine.execution_options(writes=writes), expire_on_commit=False) as session, session.begin():
        yield session
