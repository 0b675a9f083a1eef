"""Panels about people: progress with plots, agreement, what models get right; roles and projects for owners."""

import time
from collections.abc import Callable
from html import escape

import gradio as gr

from labeling.fields import FIELDS
from labeling.studio import Studio
from labeling.team import Person
from labeling.workplace import ROLES
from ui import access
from ui.editor import markup
from ui.editor.asking import Answer, may, project_of, visitor
from ui.editor.bulk import kept
from ui.editor.markup import NAMES, share

LAST = 20  # items of one's own that are listed


class TeamPanels:
    """What the panels about people ask for."""

    def __init__(self, studio: Studio):
        self.studio = studio

    def handlers(self) -> list[Callable]:
        """What the script may call."""
        return [self.overview, self.team, self.set_role, self.undo_all, self.new_project]

    def overview(self, asked: Answer, request: gr.Request) -> Answer:
        """How far the work is: the project, mine, the team's, agreement, models."""
        project, user = project_of(asked), visitor(request)
        progress, team = self.studio.progress(project), self.studio.team
        states = {"refined": progress.refined, "skipped": progress.skipped, "in review": progress.review}
        bars = {
            name: markup.bar(count, progress.total) for name, count in (states | {"to do": progress.drafts}).items()
        }
        html = markup.facts(bars | {"people": str(progress.people)})
        html += _plot("Saves a day, everybody", team.throughput(project))
        if user:
            html += f"<h4>You</h4>{_mine(team.person(user, project))}" + _plot(
                "Saves a day, you", team.throughput(project, user)
            )
            mine = self.studio.mine(user, project, limit=LAST)
            html += (
                markup.items_table(mine)
                if mine
                else "<p>You haven't saved an item yet: your work will be listed here.</p>"
            )
        if may(self.studio, user, "reviewer") and (people := team.people(project)):
            html += f"<h4>Everybody</h4>{_people(people)}"
        return {"html": html + self._agreement(project) + self._models(project)}

    def team(self, asked: Answer, request: gr.Request) -> Answer:
        """Roles and projects, for owners; taking back all that somebody did, for reviewers."""
        user = access.worker(request, self.studio, "reviewer")
        members = self.studio.team.members()
        rows = [[escape(name), role] for name, role in sorted(members.items())]
        html = f"<h4>Roles</h4>{markup.table(['Person', 'Role'], rows)}"
        html += f"<p>Anybody else is a {self.studio.workplace.newcomers}.</p>"
        if may(self.studio, user, "owner"):
            role = markup.choice("Role", "role", {name: name for name in ROLES}, "refiner")
            html += markup.form("set_role", markup.entry("Person", "person") + role, "Give the role")
            html += f"<h4>New project</h4>{_project_form()}"
        html += (
            "<h4>Take back everything that one person saved</h4><p>What others have changed or decided since stays.</p>"
        )
        return {"html": html + markup.form("undo_all", markup.entry("Person", "person"), "Take it all back")}

    def set_role(self, asked: Answer, request: gr.Request) -> Answer:
        """Give somebody a role."""
        self.studio.team.set_role(access.writer(request), str(asked.get("person") or "").strip(), asked.get("role", ""))
        return self.team(asked, request)

    def undo_all(self, asked: Answer, request: gr.Request) -> Answer:
        """Take back everything that one person saved."""
        whose = str(asked.get("person") or "").strip()
        done = self.studio.bulk.undo_all_of(access.writer(request), whose)
        return {"html": f"<p>{done.changed} saves of {escape(whose)} taken back.</p>{kept(done.kept)}"}

    def new_project(self, asked: Answer, request: gr.Request) -> Answer:
        """Make a project."""
        answers = str(asked.get("answers") or "1")
        made = self.studio.team.create_project(
            access.writer(request),
            str(asked.get("name") or ""),
            int(answers) if answers.isdecimal() and len(answers) < 4 else 0,
            bool(asked.get("review")),
            [field for field in FIELDS if asked.get(f"field_{field}")],
            str(asked.get("instructions") or ""),
        )
        html = f"<p>Project {escape(made.name)} is there: choose it above, and import images in the Data tab.</p>"
        projects = [{"id": project.id, "name": project.name} for project in self.studio.projects()]
        return {"html": html, "projects": projects}

    def _agreement(self, project: int | None) -> str:
        found = [one for one in self.studio.review.agreement(project) if one.items]
        if not found:
            return ""
        rows = [
            [NAMES[one.field], str(one.items), share(one.mean), share(one.alpha) if one.alpha is not None else one.note]
            for one in found
        ]
        head = ["Field", "Items answered twice", "Mean agreement", "Krippendorff's alpha"]
        return f"<h4>How far people agree</h4>{markup.table(head, rows)}"

    def _models(self, project: int | None) -> str:
        rows = [
            [escape(one.model), escape(one.version), NAMES.get(one.field, escape(one.field)), str(one.accepted),
             str(one.edited), str(one.rejected), share(one.rate)]
            for one in self.studio.team.acceptance(project)
        ]  # fmt: skip
        head = ["Model", "Version", "Field", "Accepted", "Edited", "Rejected", "Accepted share"]
        return f"<h4>What became of the models' suggestions</h4>{markup.table(head, rows)}" if rows else ""


def _plot(title: str, days: list[tuple[int, int]]) -> str:
    named = [(time.strftime("%Y-%m-%d", time.gmtime(start / 1000)), count) for start, count in days]
    return markup.columns(title, named)


def _mine(person: Person) -> str:
    return markup.facts({
        "saves": f"{person.saves}, {person.today} in the last 24 hours", "time an item": _seconds(person),
        "agreement with test items": _quality(person.gold, person.gold_items),
        "agreement with decisions": _quality(person.decisions, person.decided_items),
    })  # fmt: skip


def _people(people: list[Person]) -> str:
    rows = [
        [escape(one.user), str(one.saves), str(one.today), _seconds(one), _quality(one.gold, one.gold_items),
         _quality(one.decisions, one.decided_items)]
        for one in people
    ]  # fmt: skip
    return markup.table(["Person", "Saves", "Last 24 h", "Time an item", "Test items", "Decisions"], rows)


def _seconds(person: Person) -> str:
    return "not yet" if person.seconds is None else f"{person.seconds:.0f} s"


def _quality(value: float | None, count: int) -> str:
    return "not yet" if value is None else f"{value:.2f} on {count}"


def _project_form() -> str:
    ticks = "".join(
        f'<label class="tick"><input type="checkbox" name="field_{field}" checked> {NAMES[field]}</label>'
        for field in FIELDS
    )
    inside = (
        markup.entry("Name", "name")
        + markup.entry("People who answer an item", "answers", "1", "number", 'min="1" max="20"')
        + '<label class="tick"><input type="checkbox" name="review"> A reviewer decides</label>'
        + markup.entry("What refiners should know", "instructions")
        + f"<fieldset><legend>What is refined</legend>{ticks}</fieldset>"
    )
    return markup.form("new_project", inside, "Make the project")
