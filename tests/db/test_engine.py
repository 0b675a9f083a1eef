import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db import log, queries
from db.engine import DatabaseProblem, open_engine, session_scope, sqlite_file
from db.migrate import upgrade
from db.models import SHARED, Current


@pytest.fixture
def engine(tmp_path: Path):
    engine = open_engine(f"sqlite:///{tmp_path / 'new' / 'studio.db'}")
    upgrade(engine)
    yield engine
    engine.dispose()


def add(session, sha256: str = "0" * 64):
    return queries.add_item(session, 1, 0, sha256=sha256, name="x", source="", licence="", group="", width=1, height=1)


def test_every_connection_is_durable_and_checks_foreign_keys(engine) -> None:
    with engine.connect() as connection:
        pragmas = {
            name: connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_unit_of_work_is_rolled_back_whole(engine) -> None:
    with pytest.raises(RuntimeError), session_scope(engine, writes=True) as session:
        add(session)
        raise RuntimeError
    with session_scope(engine) as session:
        assert queries.counts(session, 1) == {}


def test_an_event_without_its_item_is_refused(engine) -> None:
    with pytest.raises(IntegrityError), session_scope(engine, writes=True) as session:
        session.execute(
            text("INSERT INTO current VALUES (:i, 0, 'draft', '{}', NULL, 0, 1, 0, 0, 0, 0)").bindparams(i=7)
        )


def test_a_writer_waits_for_another_from_its_first_statement_on(engine) -> None:
    order, entered = [], threading.Event()

    def second() -> None:
        entered.wait(5)
        with session_scope(engine, writes=True) as session:
            add(session, "2" * 64)
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with session_scope(engine, writes=True) as session:
        add(session, "1" * 64)
        entered.set()
        thread.join(0.3)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


def test_writers_come_in_their_order_and_urgent_ones_first(engine) -> None:
    order, threads = [], []

    def write(name: str, urgent: bool) -> None:
        with session_scope(engine, writes=True, urgent=urgent):
            order.append(name)

    with session_scope(engine, writes=True):
        for name, urgent in (("a", False), ("b", False), ("c", True), ("d", True)):
            threads.append(threading.Thread(target=write, args=(name, urgent)))
            threads[-1].start()
            time.sleep(0.05)  # until it waits
    for thread in threads:
        thread.join(5)
    assert order == ["c", "d", "a", "b"]


def test_a_reader_keeps_its_snapshot_while_others_write(engine) -> None:
    with session_scope(engine) as reader:
        assert queries.counts(reader, 1) == {}
        with session_scope(engine, writes=True) as writer:
            add(writer)
        assert queries.counts(reader, 1) == {}


def test_the_log_refuses_a_second_event_for_one_key_and_field(engine) -> None:
    with session_scope(engine, writes=True) as session:
        item = add(session)
        log.append(session, item.current, 0, {SHARED: {"caption_fine": "a"}}, log.Save("ann", "key", 0))
    with pytest.raises(IntegrityError), session_scope(engine, writes=True) as session:
        current = session.get(Current, 1)
        log.append(session, current, 1, {SHARED: {"caption_fine": "b"}}, log.Save("ann", "key", 0))


@pytest.mark.parametrize("statement", ["UPDATE refinement_event SET payload = '1'", "DELETE FROM refinement_event"])
def test_the_log_can_be_neither_changed_nor_cut(engine, statement: str) -> None:
    with session_scope(engine, writes=True) as session:
        log.append(session, add(session).current, 0, {SHARED: {"caption_fine": "a"}}, log.Save("ann", "key", 0))
    with pytest.raises(IntegrityError, match="only grows"), session_scope(engine, writes=True) as session:
        session.execute(text(statement))


@pytest.mark.parametrize("url", ["studio.db", "sqlite://", "sqlite:///:memory:", ""])
def test_what_is_no_database_file_is_named(url: str) -> None:
    with pytest.raises(DatabaseProblem):
        sqlite_file(url)


def test_another_server_is_left_to_its_driver() -> None:
    assert sqlite_file("postgresql+psycopg://user@host/name") is None


def test_a_live_copy_through_sqlite_holds_what_was_committed(engine, tmp_path: Path) -> None:
    from db.migrate import backup

    with session_scope(engine, writes=True) as session:
        add(session)
    copy = backup(tmp_path / "new" / "studio.db")
    assert sqlite3.connect(copy).execute("SELECT count(*) FROM item").fetchone() == (1,)
