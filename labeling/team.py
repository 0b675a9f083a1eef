"""The people and their projects: who may do what, how far the work is."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import InputError
from db import queries
from db.models import Member, Project
from labeling.fields import FIELDS
from labeling.items import Progress, ProjectView, project_view
from labeling.workplace import ROLES, Workplace, check_name

MAX_ANSWERS = 20  # people who answer one item


@dataclass(frozen=True)
class Team:
    """A part of the studio."""

    workplace: Workplace

    def role(self, user: str) -> str:
        """What a person may do: one of ROLES."""
        with self.workplace.reads() as session:
            return self.workplace.role(session, user)

    def members(self) -> dict[str, str]:
        """Everybody who was given a role: name -> role."""
        with self.workplace.reads() as session:
            given = {member.user: member.role for member in queries.members(session)}
        return given | dict.fromkeys(self.workplace.owners, "owner")

    def set_role(self, user: str, whose: str, role: str) -> None:
        """Give somebody a role. For owners."""
        check_name(whose)
        if role not in ROLES:
            raise InputError(f"a role is one of {', '.join(ROLES)}")
        with self.workplace.writes(user, "owner") as session:
            session.merge(Member(user=whose, role=role, at=self.workplace.clock()))

    def create_project(
        self,
        user: str,
        name: str,
        answers: int = 1,
        review: bool = False,
        fields: Sequence[str] = FIELDS,
        instructions: str = "",
    ) -> ProjectView:
        """A new project, for owners. How many people answer never changes: answers would be lost or missing."""
        name = " ".join(name.split())
        if not 0 < len(name) <= 100:
            raise InputError("a project has a name of 100 characters at most: for example Sea, night")
        if type(answers) is not int or not 1 <= answers <= MAX_ANSWERS:
            raise InputError(f"from 1 to {MAX_ANSWERS} people answer an item")
        if not fields or not set(fields) <= set(FIELDS):
            raise InputError(f"choose what is refined: one or more of {', '.join(FIELDS)}")
        with self.workplace.writes(user, "owner") as session:
            if any(project.name == name for project in queries.projects(session)):
                raise InputError(f"there is a project {name!r} already: choose another name")
            project = Project(
                name=name, instructions=instructions[:10_000], answers=answers, review=bool(review),
                fields=[field for field in FIELDS if field in fields], created_at=self.workplace.clock(),
            )  # fmt: skip
            session.add(project)
            session.flush()
            return project_view(project)

    def progress(self, project: int | None = None) -> Progress:
        """Counts over all items of a project."""
        with self.workplace.reads() as session:
            rules = self.workplace.project(session, project)
            states, people = queries.counts(session, rules.id), queries.people(session, rules.id)
        refined, skipped, drafts, review = (states.get(name, 0) for name in ("refined", "skipped", "draft", "review"))
        return Progress(refined + skipped + drafts + review, refined, skipped, drafts, people, review)
