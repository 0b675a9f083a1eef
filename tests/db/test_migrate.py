import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from db.engine import DatabaseProblem, open_engine
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
