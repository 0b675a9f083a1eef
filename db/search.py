"""Full-text search over what is said about items: FTS5 on SQLite, a tsvector index on PostgreSQL."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import Session

# Not part of the models' metadata: SQLite's is a virtual table with tables of its own.
SEARCH = Table("search", MetaData(), Column("item_id", Integer, key="item_id"), Column("words", Text))


def create_index(connection: Connection) -> None:
    """The empty search table, `item_id` and `words`."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("CREATE VIRTUAL TABLE search USING fts5(words)"))
        return
    connection.execute(text("CREATE TABLE search (item_id INTEGER PRIMARY KEY, words TEXT NOT NULL)"))
    connection.execute(text("CREATE INDEX ix_search_words ON search USING gin (to_tsvector('simple', words))"))


def drop_index(connection: Connection) -> None:
    """Take the search table away."""
    connection.execute(text("DROP TABLE search"))


def index_all(connection: Connection) -> None:
    """Fill the search table from the projection."""
    rows = connection.execute(text("SELECT id, name, source, fields FROM item JOIN current ON item_id = id"))
    for item_id, name, source, fields in rows.all():
        fields = json.loads(fields) if isinstance(fields, str) else fields
        insert(connection, [(item_id, words_of(name, source, fields))])


def index(session: Session, item_id: int, words: str, new: bool = False) -> None:
    """Make an item findable by these words, in the writer's own transaction."""
    connection = session.connection()
    if not new:
        key = "rowid" if connection.dialect.name == "sqlite" else "item_id"
        connection.execute(text(f"DELETE FROM search WHERE {key} = :id"), {"id": item_id})
    insert(connection, [(item_id, words)])


def matches(session: Session, query: str) -> ColumnElement[bool] | None:
    """Condition on search rows: every word of the query begins a word of the item. None for a query without words.

    Whatever people type is words: no operator of either database is passed on.
    """
    terms = ["".join(c if c.isalnum() else " " for c in word).split() for word in query.split()]
    words = [word for term in terms for word in term][:20]
    if not words:
        return None
    if session.connection().dialect.name == "sqlite":
        return literal_column("search").op("MATCH")(" ".join(f'"{word}"*' for word in words))
    tsquery = func.to_tsquery("simple", " & ".join(f"{word}:*" for word in words))
    return func.to_tsvector(literal_column("'simple'"), SEARCH.c.words).op("@@")(tsquery)


def found(session: Session, query: str):
    """Subquery of the ids of matching items, None for a query without words."""
    condition = matches(session, query)
    if condition is None:
        return None
    key = literal_column("rowid") if session.connection().dialect.name == "sqlite" else SEARCH.c.item_id
    return select(key).select_from(SEARCH).where(condition)


def words_of(name: str, source: str, fields: Mapping[str, Any]) -> str:
    """Everything textual about an item, for the index."""
    return " ".join([name, source, *_texts([fields.get(field) for field in sorted(fields) if field != "mask"])])


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _texts(value.values())
        elif isinstance(value, list):
            yield from _texts(value)


def insert(connection: Connection, rows: list[tuple[int, str]]) -> None:
    """Make new items findable."""
    column = "rowid" if connection.dialect.name == "sqlite" else "item_id"
    statement = text(f"INSERT INTO search ({column}, words) VALUES (:id, :words)")
    connection.execute(statement, [{"id": item_id, "words": words} for item_id, words in rows])
