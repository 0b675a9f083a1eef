"""The tables. The log of refinement events is the truth; `Current` is what replaying the log gives."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, MetaData, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

# Named constraints, so that later migrations can alter them on SQLite too.
NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {dict[str, Any]: JSON}  # noqa: RUF012


class Item(Base):
    """One image to refine: what it is and where it came from. Never changed after import."""

    __tablename__ = "item"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)  # of the original file's bytes
    name: Mapped[str] = mapped_column(String(200))  # a label for people, never a path
    source: Mapped[str] = mapped_column(String(200))
    licence: Mapped[str] = mapped_column(String(200))
    group: Mapped[str] = mapped_column("group_name", String(200))  # images of one group never lie in two splits
    width: Mapped[int]  # pixels
    height: Mapped[int]  # pixels
    priority: Mapped[int] = mapped_column(default=0)  # higher comes first in the queue
    created_at: Mapped[int] = mapped_column(BigInteger)  # Unix time, milliseconds

    current: Mapped["Current"] = relationship(back_populates="item", lazy="joined", innerjoin=True)


class RefinementEvent(Base):
    """One field of one item set to one value by one person. Rows are only ever added.

    The events of one save share `key` (idempotency) and `base_version` (the version the person saw).
    """

    __tablename__ = "refinement_event"
    __table_args__ = (UniqueConstraint("key", "field"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), index=True)
    user: Mapped[str] = mapped_column("user_name", String(100), index=True)
    at: Mapped[int] = mapped_column(BigInteger)  # Unix time, milliseconds
    field: Mapped[str] = mapped_column(String(50))  # "state" is a field like any other
    base_version: Mapped[int]
    payload: Mapped[Any] = mapped_column(JSON)  # None: the field is taken away
    key: Mapped[str] = mapped_column(String(64))
    reverts: Mapped[str | None] = mapped_column(String(64))  # the key of the save that this one takes back


class Current(Base):
    """The projection that reads use: an item's present values, their version and who set them last."""

    __tablename__ = "current"

    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True)
    version: Mapped[int] = mapped_column(default=0)  # the number of saves so far
    state: Mapped[str] = mapped_column(String(20), default="draft", index=True)  # "draft" | "refined" | "skipped"
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    user: Mapped[str | None] = mapped_column("user_name", String(100))
    at: Mapped[int | None] = mapped_column(BigInteger)  # Unix time, milliseconds

    item: Mapped[Item] = relationship(back_populates="current")
