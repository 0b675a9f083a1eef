"""Brings a database to this version's schema: under a lock, after a backup, checked for integrity."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import OperationalError

from db.engine import DatabaseProblem, sqlite_file

LOCK_SECONDS = 120


def config() -> Config:
    """Alembic's settings, without an ini file."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return settings


def upgrade(engine: Engine) -> None:
    """Upgrade to the newest schema. An existing SQLite file is backed up beside itself first, if it needs a change.

    Raises DatabaseProblem for a damaged file and for one written by a newer version of the studio.
    """
    path = sqlite_file(engine.url.render_as_string(hide_password=False))
    try:
        _locked_upgrade(engine, path)
    except OperationalError as error:
        raise DatabaseProblem(
            f"the database can't be opened ({error.orig}): correct its URL or start its server"
        ) from None


def _locked_upgrade(engine: Engine, path: Path | None) -> None:
    if path is None:
        _upgrade(engine)
        return
    with FileLock(path.with_name(path.name + ".lock"), timeout=LOCK_SECONDS):
        if path.exists() and path.stat().st_size:
            check(path)
        _upgrade(engine, path)


def check(path: Path) -> None:
    """Raise DatabaseProblem unless SQLite finds the file whole."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        raise DatabaseProblem(f"the database {path.name} is damaged ({verdict}): put the newest backup in its place")


def backup(path: Path) -> Path:
    """Copy a live SQLite database, its write-ahead log included, to a new file beside it."""
    target = path.with_name(f"{path.stem}.{time.time_ns()}.backup{path.suffix}")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    check(target)
    return target


def _upgrade(engine: Engine, path: Path | None = None) -> None:
    settings = config()
    script = ScriptDirectory.from_config(settings)
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
        is_new = not inspect(connection).get_table_names()
    if present == script.get_current_head():
        return
    if present is not None and present not in {revision.revision for revision in script.walk_revisions()}:
        raise DatabaseProblem("the database was written by a newer version of the studio: update the studio first")
    if path is not None and not is_new:
        backup(path)
    writing = engine.execution_options(writes=True)
    with writing.connect() as connection, _without_foreign_keys(connection), connection.begin():
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
        if path is not None and (orphan := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
            raise DatabaseProblem(f"the database {path.name} could not be upgraded: a row of {orphan[0]} is lost")


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """SQLite alters a table by copying it under another name, which its foreign keys would forbid."""
    raw: Any = connection.connection.driver_connection
    switches = connection.dialect.name == "sqlite"  # outside of any transaction: inside one it would do nothing
    if switches:
        raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        if switches:
            raw.execute("PRAGMA foreign_keys=ON")
