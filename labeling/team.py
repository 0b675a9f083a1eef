"""The people and their projects: who may do what, how far the work is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from core.errors import InputError
from db import queries, statistics
from db.models import Member, Project
from labeling.agreement import between
from labeling.fields import FIELDS
from labeling.items import Progress, ProjectView, project_view
from labeling.workplace import ROLES, Workplace, check_name

MAX_ANSWERS = 20  # people who answer one item
DAY = 86_400_000  # milliseconds


@dataclass(frozen=True)
class Person:
    """What one person has done in a project, in saves and skips that stand."""

    user: str
    saves: int
    today: int  # in the last 24 hours
    seconds: float | None  # median time from opening to saving an item, None where it isn't known
    gold: float | None  # mean agreement with the known answers of test items, None before the first
    gold_items: int
    decisions: float | None  # mean agreement with what reviewers decided, None before the first
    decided_items: int


@dataclass(frozen=True)
class Acceptance:
    """What people made of one model's suggestions for one field."""

    model: str
    version: str
    field: str
    accepted: int
    edited: int
    rejected: int

    @property
    def rate(self) -> float:
        """Share that was accepted as it was."""
        return self.accepted / (self.accepted + self.edited + self.rejected)


@dataclass(frozen=True)
class Team:
    """A part of the studio."""

    workplace: Workplace

    def role(self, user: str) -> str:
        """What a person may do: one of ROLES."""
        with self.workplace.reads() as session:
            return self.workplace.role(session, user)

    def require(self, user: str, role: str) -> None:
        """Raise Forbidden unless this person has at least this role."""
        with self.workplace.reads() as session:
            self.workplace.require(session, user, role)

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

    def throughput(self, project: int | None = None, user: str | None = None, days: int = 30) -> list[tuple[int, int]]:
        """(start of the day as Unix time in ms, saves and skips) of each of the last days, UTC, idle days too."""
        at = self.workplace.clock()
        first = at // DAY - days + 1
        with self.workplace.reads() as session:
            rules = self.workplace.project(session, project)
            done = Counter(when // DAY for _, when, _ in statistics.saves(session, rules.id, first * DAY, user))
        return [(day * DAY, done[day]) for day in range(first, first + days)]

    def person(self, user: str, project: int | None = None) -> Person:
        """One person's own figures."""
        at = self.workplace.clock()
        with self.workplace.reads() as session:
            rules = self.workplace.project(session, project)
            saves = list(statistics.saves(session, rules.id, 0, user))
            scores: dict[str, list[float]] = {"gold": [], "decision": []}
            for against, mine, known in statistics.against(session, user, rules.id):
                agreed = between([mine, known])
                if agreed:
                    scores[against].append(fmean(agreed.values()))
        spent = [milliseconds / 1000 for _, _, milliseconds in saves if milliseconds is not None]
        gold, decisions = scores["gold"], scores["decision"]
        return Person(
            user, len(saves), sum(when > at - DAY for _, when, _ in saves), median(spent) if spent else None,
            fmean(gold) if gold else None, len(gold), fmean(decisions) if decisions else None, len(decisions),
        )  # fmt: skip

    def people(self, project: int | None = None) -> list[Person]:
        """Everybody's figures, most saves first."""
        with self.workplace.reads() as session:
            rules = self.workplace.project(session, project)
            names = {person for person, _, _ in statistics.saves(session, rules.id, 0)}
        return sorted((self.person(name, project) for name in names), key=lambda person: (-person.saves, person.user))

    def acceptance(self, project: int | None = None) -> list[Acceptance]:
        """What became of the models' suggestions, by model, version and field."""
        with self.workplace.reads() as session:
            rules = self.workplace.project(session, project)
            rows = statistics.verdicts(session, rules.id)
        found: dict[tuple[str, str, str], Counter[str]] = {}
        for model, version, field, verdict, count in rows:
            found.setdefault((model, version, field), Counter())[verdict] += count
        return [
            Acceptance(*what, counted["accepted"], counted["edited"], counted["rejected"])
            for what, counted in found.items()
        ]
