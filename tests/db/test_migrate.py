import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from db import find, log, queries, queue
from db.engine import DatabaseProblem, open_engine, session_scope
from db.migrate import config, upgrade
from db.models import Base


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'studio.db'}"


def backups(folder: Path) -> list[Path]:
    return list(folder.glob("*.backup.db"))


def test_the_migrations_lead_to_exactly_the_models(tmp_path: Path) -> None:
    engine = open_engine(url(tmp_path))
    upgrade(engine)
    with engine.connect() as connection:
        options = {
            "include_object": lambda _object, name, *_: not name.startswith("search")
        }  # not a model, see db.search
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []
    assert not backups(tmp_path)


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    engine = open_engine(url(tmp_path))
    upgrade(engine)
    upgrade(engine)
    assert not backups(tmp_path)


def test_every_revision_goes_down_and_up_again(tmp_path: Path) -> None:
    engine = open_engine(url(tmp_path))
    upgrade(engine)
    settings = config()
    with engine.execution_options(writes=True).begin() as connection:
        settings.attributes["connection"] = connection
        command.downgrade(settings, "base")
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}, "something was left behind"
    upgrade(engine)
    assert "item" in inspect(engine).get_table_names()


def test_a_database_that_needs_a_change_is_backed_up_first(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "studio.db") as old:
        old.execute("CREATE TABLE keepsake (word TEXT)")
        old.execute("INSERT INTO keepsake VALUES ('kept')")
    upgrade(open_engine(url(tmp_path)))
    (copy,) = backups(tmp_path)
    assert sqlite3.connect(copy).execute("SELECT word FROM keepsake").fetchone() == ("kept",)
    assert sqlite3.connect(tmp_path / "studio.db").execute("SELECT count(*) FROM item").fetchone() == (0,)


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "studio.db").write_bytes(b"this is no database, it only looks like one to nobody" * 50)
    with pytest.raises(DatabaseProblem, match=r"studio\.db"):
        upgrade(open_engine(url(tmp_path)))
    assert (tmp_path / "studio.db").read_bytes().startswith(b"this is no database")


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    engine = open_engine(url(tmp_path))
    upgrade(engine)
    engine.dispose()
    content = bytearray((tmp_path / "studio.db").read_bytes())
    content[4096 : 2 * 4096] = b"\xff" * 4096
    (tmp_path / "studio.db").write_bytes(content)
    with pytest.raises(DatabaseProblem, match="damaged"):
        upgrade(open_engine(url(tmp_path)))


def test_a_database_of_a_newer_studio_is_not_touched(tmp_path: Path) -> None:
    engine = open_engine(url(tmp_path))
    upgrade(engine)
    with sqlite3.connect(tmp_path / "studio.db") as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseProblem, match="newer version"):
        upgrade(engine)


def test_a_folder_in_the_place_of_the_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "studio.db").mkdir()
    with pytest.raises(DatabaseProblem):
        upgrade(open_engine(url(tmp_path)))


def test_a_database_without_its_driver_says_so() -> None:
    with pytest.raises(DatabaseProblem, match="not installed"):
        open_engine("nosuchserver://host/name")


RELEASED = sorted((Path(__file__).parent / "released").glob("*.sql"))  # one dump of every schema that people may have


def test_there_is_a_database_of_every_released_schema() -> None:
    newest = ScriptDirectory.from_config(config()).get_current_head()
    revisions = {revision.revision for revision in ScriptDirectory.from_config(config()).walk_revisions()}
    assert {path.stem for path in RELEASED} >= revisions - {newest}


@pytest.mark.parametrize("dump", RELEASED, ids=lambda path: path.stem)
def test_a_database_of_a_released_schema_opens_with_all_that_is_in_it(dump: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "studio.db")) as old:
        old.executescript(dump.read_text())
    engine = open_engine(url(tmp_path))
    upgrade(engine)
    assert len(backups(tmp_path)) == 1
    with session_scope(engine) as session:
        items = sorted(queries.all_items(session, 1), key=lambda item: item.id)
        assert [item.name for item in items] == ["sea.png", "sky.png", "road.png"]
        assert [(item.current.version, item.current.state, item.current.user) for item in items] == [
            (2, "refined", "ann"), (2, "draft", "bob"), (0, "draft", None)
        ]  # fmt: skip
        assert items[0].current.fields == {"caption_global": "a ship at sea", "mask": {"size": [7, 5], "runs": [3, 2]}}
        assert items[2].current.priority == 1
        for item in items:
            version, documents = log.replay(log.events_of(session, item.id))
            assert (version, log.state_of(documents)) == (item.current.version, item.current.state)
        assert [item.id for item in find.page(session, 1, find.Filter(text="ship"), 0, 9)] == [1]
        first = queue.next_open(session, 1, 1, "ann", 0)
        assert first is not None and first.name == "road.png"
    engine.dispose()
