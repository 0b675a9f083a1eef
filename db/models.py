"""The tables. The log of refinement events is the truth; `Current` and `Answer` are what replaying the log gives.

An item holds several documents: "" is the item itself, a person's name is that person's own answer (where several
people answer apart), GOLD the known answer of a test item, QUEUE whether enough answers are in. One save is one
version of the item, whichever documents it changes.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

SHARED, GOLD, QUEUE = "", "(gold)", "(queue)"  # documents that are no person's; no person can be called so

# Named constraints, so that later migrations can alter them on SQLite too.
NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON}  # noqa: RUF012


class Project(Base):
    """A set of items that are refined under the same rules."""

    __tablename__ = "project"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    instructions: Mapped[str] = mapped_column(Text, default="")
    answers: Mapped[int] = mapped_column(default=1)  # how many people answer an item
    review: Mapped[bool] = mapped_column(default=False)  # a second reader decides before an item counts as refined
    fields: Mapped[list[str]]  # what is refined here, see labeling.fields
    created_at: Mapped[int] = mapped_column(BigInteger)  # Unix time, milliseconds


class Item(Base):
    """One image to refine: what it is and where it came from. Never changed after import."""

    __tablename__ = "item"
    __table_args__ = (UniqueConstraint("project_id", "sha256"), Index("ix_item_sha256", "sha256"))

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    sha256: Mapped[str] = mapped_column(String(64))  # of the original file's bytes
    name: Mapped[str] = mapped_column(String(200))  # a label for people, never a path
    source: Mapped[str] = mapped_column(String(200))
    licence: Mapped[str] = mapped_column(String(200))
    group: Mapped[str] = mapped_column("group_name", String(200))  # images of one group never lie in two splits
    width: Mapped[int]  # pixels
    height: Mapped[int]  # pixels
    created_at: Mapped[int] = mapped_column(BigInteger)  # Unix time, milliseconds

    current: Mapped["Current"] = relationship(back_populates="item", lazy="joined", innerjoin=True)


class RefinementEvent(Base):
    """One field of one document of an item set to one value by one person. Rows are only ever added (a trigger).

    The events of one save share `key` (idempotency), `base_version` (what the person saw) and `version` (what it made).
    """

    __tablename__ = "refinement_event"
    __table_args__ = (
        UniqueConstraint("key", "answer_of", "field"),
        UniqueConstraint("item_id", "version", "answer_of", "field"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    user: Mapped[str] = mapped_column("user_name", String(100), index=True)
    at: Mapped[int] = mapped_column(BigInteger)  # Unix time, milliseconds
    answer_of: Mapped[str] = mapped_column(String(100), default=SHARED)  # the document
    field: Mapped[str] = mapped_column(String(50))  # "state" is a field like any other
    base_version: Mapped[int]
    version: Mapped[int]
    payload: Mapped[Any] = mapped_column(JSON)  # None: the field is taken away
    key: Mapped[str] = mapped_column(String(80))
    reverts: Mapped[str | None] = mapped_column(String(80), index=True)  # the key of the save that this one takes back
    batch: Mapped[str | None] = mapped_column(String(64), index=True)  # the bulk action that this save is part of
    spent: Mapped[int | None]  # milliseconds from opening to saving, on the "state" event
    suggestion_id: Mapped[int | None] = mapped_column(ForeignKey("suggestion.id"), index=True)
    verdict: Mapped[str | None] = mapped_column(String(10))  # "accepted" | "edited" | "rejected": of the suggestion


class Current(Base):
    """The projection that reads use: an item's present values, their version and who set them last."""

    __tablename__ = "current"

    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    version: Mapped[int] = mapped_column(default=0)  # the number of saves so far, of all documents
    changed: Mapped[int] = mapped_column(default=0)  # the version that last changed the item itself
    state: Mapped[str] = mapped_column(String(20), default="draft")  # "draft" | "review" | "refined" | "skipped"
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    user: Mapped[str | None] = mapped_column("user_name", String(100))
    at: Mapped[int] = mapped_column(BigInteger)  # Unix time of the last change or the import, milliseconds
    answers: Mapped[int] = mapped_column(default=0)  # people who have answered apart
    gold: Mapped[bool] = mapped_column(default=False)  # a test item with a known answer
    priority: Mapped[int] = mapped_column(default=0)  # higher comes first in the queue; the one value not in the log

    item: Mapped[Item] = relationship(back_populates="current")


Index("ix_current_queue", Current.project_id, Current.state, Current.priority.desc(), Current.item_id)
Index("ix_current_newest", Current.project_id, Current.at, Current.state, Current.item_id)
Index("ix_current_gold", Current.project_id, Current.gold)


class Answer(Base):
    """What one person says about one item, where people answer apart; and, under GOLD, the known answer."""

    __tablename__ = "answer"

    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True)
    user: Mapped[str] = mapped_column("user_name", String(100), primary_key=True, index=True)
    version: Mapped[int]  # the item's version that last changed this answer
    state: Mapped[str] = mapped_column(String(20))  # "draft" (taken back) | "refined" | "skipped"
    fields: Mapped[dict[str, Any]]
    at: Mapped[int] = mapped_column(BigInteger)  # Unix time, milliseconds


class Suggestion(Base):
    """A model's proposal for one field of one item. Never changed: what became of it stands in the log."""

    __tablename__ = "suggestion"

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), index=True)
    field: Mapped[str] = mapped_column(String(50))
    payload: Mapped[Any] = mapped_column(JSON)
    model: Mapped[str] = mapped_column(String(200))
    model_version: Mapped[str] = mapped_column(String(100))
    score: Mapped[float | None]  # the model's own certainty, 0 to 1
    at: Mapped[int] = mapped_column(BigInteger)  # Unix time, milliseconds


class Lease(Base):
    """A person is at work on an item until then; `passed` keeps an item they gave back at the end of their queue."""

    __tablename__ = "lease"

    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True)
    user: Mapped[str] = mapped_column("user_name", String(100), primary_key=True, index=True)
    taken_at: Mapped[int] = mapped_column(BigInteger)  # Unix time, milliseconds
    until: Mapped[int] = mapped_column(BigInteger)  # Unix time, milliseconds
    passed: Mapped[bool] = mapped_column(default=False)


class Member(Base):
    """What a person may do, where it differs from what newcomers may."""

    __tablename__ = "member"

    user: Mapped[str] = mapped_column("user_name", String(100), primary_key=True)
    role: Mapped[str] = mapped_column(String(20))
    at: Mapped[int] = mapped_column(BigInteger)  # Unix time, milliseconds
