"""Where the studio keeps its work: opening the database and finding the images that belong to it."""

from pathlib import Path

from core.errors import InputError
from db.engine import DatabaseProblem, Engine, open_engine, sqlite_file
from db.migrate import upgrade


def connect(url: str, must_exist: bool = False) -> Engine:
    """An engine on an upgraded database. Raises InputError for a database that can't be used."""
    try:
        path = sqlite_file(url)
        if must_exist and path is not None and not path.is_file():
            raise InputError(f"there is no database at {path}: start the studio first, or correct --db")
        engine = open_engine(url)
        upgrade(engine)
    except DatabaseProblem as problem:
        raise InputError(str(problem)) from None
    return engine


def store_beside(url: str, given: Path | None) -> Path:
    """The image store of a database: the one given, or `store/` beside a SQLite file."""
    if given is not None:
        return given
    path = sqlite_file(url)
    if path is None:
        raise InputError("say where the image files are: --store DIR")
    return path.parent / "store"
