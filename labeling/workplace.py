"""What every part of the studio stands on: the database, the images, the clock, and who may do what."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core.errors import InputError
from db import queries
from db.engine import Engine, session_scope
from db.models import Item, Project
from labeling.store import ImageStore

ROLES = ("viewer", "refiner", "reviewer", "owner")  # each may do what those before it may
SYSTEM = "(import)"  # the program itself; no person can be called so
Session = Any  # the database's; only db knows its type


class Forbidden(InputError):
    """The person's role does not allow this."""


def now() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Workplace:
    """Shared by all parts of one studio; safe to use from many threads."""

    engine: Engine
    images: ImageStore
    clock: Callable[[], int]  # Unix time, milliseconds
    owners: Collection[str]  # owners whatever the database says
    newcomers: str  # the role of people who were given none

    @contextmanager
    def reads(self) -> Iterator[Session]:
        """One snapshot of the database."""
        with session_scope(self.engine) as session:
            yield session

    @contextmanager
    def writes(self, user: str, role: str, urgent: bool = False) -> Iterator[Session]:
        """One unit of work by a person who must have at least this role: the only way to change anything.

        Urgent ones, the saves, go before others that wait. Raises Forbidden for everybody without the role.
        """
        check_name(user)
        with session_scope(self.engine, writes=True, urgent=urgent) as session:
            self.require(session, user, role)
            yield session

    def require(self, session: Session, user: str, role: str) -> None:
        """Raise Forbidden unless this person has at least this role."""
        has = self.role(session, user)
        if ROLES.index(has) < ROLES.index(role):
            raise Forbidden(f"{role}s do this, and you are a {has} here: ask an owner of the studio for the role.")

    def role(self, session: Session, user: str) -> str:
        """A person's role."""
        if user == SYSTEM or user in self.owners:
            return "owner"
        return queries.role_of(session, user) or self.newcomers

    def project(self, session: Session, project: int | None) -> Project:
        """A project by id; the oldest for None. Raises InputError if there is none."""
        found = queries.get_project(session, project) if project is None or is_id(project) else None
        if found is None:
            raise InputError(f"there is no project {project!r}: choose one from the list")
        return found

    def item(self, session: Session, item_id: int) -> tuple[Item, Project]:
        """An item and its project. Raises InputError if there is none."""
        if not is_id(item_id):
            raise InputError("an item is known by a whole number: open one from the Label tab")
        item = queries.get_item(session, item_id)
        if item is None:
            raise InputError(f"there is no item {item_id}: open one from the Data tab")
        return item, self.project(session, item.project_id)


def is_id(value: object) -> bool:
    """Whether a value from the page can be a row's number."""
    return type(value) is int and 0 < value < 2**31


def check_name(user: object) -> None:
    """Raise InputError unless this can be somebody's name."""
    if not isinstance(user, str) or not user.strip() or len(user) > 100 or (user.startswith("(") and user != SYSTEM):
        raise InputError("nobody can have this name: log in again")
