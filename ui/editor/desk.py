"""What the editor's script asks for: items, saves, decisions, hints. One JSON object in, one out (ui.editor.asking)."""

from collections.abc import Callable

import gradio as gr

from core.errors import InputError
from core.thermal import read_thermal
from labeling.items import Progress, ProjectView, View
from labeling.studio import SKIP_REASONS, Studio
from ui import access, theme
from ui.editor import pictures, wording
from ui.editor.asking import Answer, described, may, project_of, told, visitor
from ui.editor.bulk import BulkPanel
from ui.editor.models import Models
from ui.editor.panels import Panels
from ui.editor.team import TeamPanels

NOTHING = theme.empty(
    "Nothing left to refine here",
    "Import images in the Data tab, look up an item with Find, or go back to your last item below.",
)
REVIEWED = theme.empty("Nothing left to review", "No item of this project waits for a decision now.")


class Desk:
    """The studio for the editor's script. Methods that end in a request are called by the page; see `functions`."""

    def __init__(self, studio: Studio, models: Models):
        self.studio, self.models = studio, models

    def functions(self) -> list[Callable]:
        """What the script may call, by name."""
        own = (self.hello, self.next_item, self.next_review, self.open_item, self.last_item, self.give_back,
               self.heartbeat, self.check, self.suggest, self.save, self.skip, self.make_gold,
               self.undo_save)  # fmt: skip
        panels = Panels(self.studio, self.models), BulkPanel(self.studio), TeamPanels(self.studio)
        return [told(handler) for handler in (*own, *(one for panel in panels for one in panel.handlers()))]

    def hello(self, asked: Answer, request: gr.Request) -> Answer:
        """Who the visitor is, and the projects; drafts in the browser are kept apart by the name."""
        user = visitor(request)
        role = self.studio.team.role(user) if user else "viewer"
        projects = [{"id": project.id, "name": project.name} for project in self.studio.projects()]
        return {"who": user or "", "role": role, "projects": projects}

    def next_item(self, asked: Answer, request: gr.Request) -> Answer:
        """The next item for this person, `after` left out; without a login a look at the queue."""
        user = visitor(request)
        if not may(self.studio, user, "refiner"):
            return self._answer(self.studio.next_item(None, project_of(asked), _besides(asked)), user, asked)
        return self._answer(self.studio.next_item(user, project_of(asked), _besides(asked)), user, asked)

    def next_review(self, asked: Answer, request: gr.Request) -> Answer:
        """The next item that waits for a decision, with everybody's answers."""
        user = access.writer(request)
        view = self.studio.review.next_item(user, project_of(asked), _besides(asked))
        return self._answer(view, user, asked, REVIEWED)

    def open_item(self, asked: Answer, request: gr.Request) -> Answer:
        """One item by its number."""
        user, number = visitor(request), asked.get("item")
        view = self.studio.open(user, number) if user else self.studio.item(number)  # type: ignore[arg-type]
        return self._answer(view, user, asked)

    def last_item(self, asked: Answer, request: gr.Request) -> Answer:
        """What this person saved or skipped last."""
        user = access.writer(request)
        view = self.studio.last_of(user)
        if view is None:
            raise InputError("You haven't saved or skipped an item yet.")
        return self._answer(view, user, asked)

    def give_back(self, asked: Answer, request: gr.Request) -> Answer:
        """Leave an item to others, without an answer."""
        if (user := visitor(request)) is not None:
            self.studio.release(user, asked.get("item"))  # type: ignore[arg-type]  # the studio checks it
        return {}

    def heartbeat(self, asked: Answer, request: gr.Request) -> Answer:
        """Still at work on an item."""
        user, number = visitor(request), asked.get("item")
        if user is not None and self._decides(user, self.studio.item(number)):  # type: ignore[arg-type]
            self.studio.review.heartbeat(user, number)  # type: ignore[arg-type]
        elif user is not None:
            self.studio.heartbeat(user, number)  # type: ignore[arg-type]
        return {}

    def check(self, asked: Answer, request: gr.Request) -> Answer:
        """Hints on what is being written; nothing is stored."""
        fields = asked.get("fields")
        radiometric = asked.get("unit") in ("celsius", "kelvin")
        return {"hints": wording.hints(fields, radiometric) if isinstance(fields, dict) else {}}

    def suggest(self, asked: Answer, request: gr.Request) -> Answer:
        """What the models propose for an item."""
        user, item = access.worker(request, self.studio, "refiner"), self._same_image(asked)
        self.models.suggest(item.id)
        return {"suggestions": described(self.studio.open(user, item.id))["suggestions"]}

    def save(self, asked: Answer, request: gr.Request) -> Answer:
        """Accept a refinement, or a reviewer's decision where people answer apart."""
        user, item = access.writer(request), self._same_image(asked)
        values = asked.get("version", -1), asked.get("fields"), asked.get("key", "")
        if self._decides(user, item):
            return _saved(self.studio.review.decide(user, item.id, *values))  # type: ignore[arg-type]
        return _saved(self.studio.save(user, item.id, *values))  # type: ignore[arg-type]

    def skip(self, asked: Answer, request: gr.Request) -> Answer:
        """Say, or as a reviewer decide, that an item can't be refined."""
        user, item = access.writer(request), self._same_image(asked)
        version, reason, key = asked.get("version", -1), asked.get("reason", ""), asked.get("key", "")
        if self._decides(user, item) and reason in SKIP_REASONS:
            return _saved(self.studio.review.decide(user, item.id, version, {}, key, skip=reason))
        return _saved(self.studio.skip(user, item.id, version, reason, key))

    def make_gold(self, asked: Answer, request: gr.Request) -> Answer:
        """Make an item a test item: what is on the owner's desk is the known answer."""
        user, item = access.writer(request), self._same_image(asked)
        values = asked.get("version", -1), asked.get("fields"), asked.get("key", "")
        return _saved(self.studio.review.set_gold(user, item.id, *values))  # type: ignore[arg-type]

    def undo_save(self, asked: Answer, request: gr.Request) -> Answer:
        """Take back this person's last save."""
        user = access.writer(request)
        view = self.studio.undo(user)
        return self._answer(view, user, asked) | {"note": f"Taken back: {view.name} is as it was before."}

    def _same_image(self, asked: Answer) -> View:
        """The item of a save. A browser may still hold work on another database's item of the same number."""
        item = self.studio.item(asked.get("item"))  # type: ignore[arg-type]
        if item.sha256 != asked.get("sha256"):
            raise InputError("This work belongs to another image: the studio's data was changed. Reload the page.")
        return item

    def _rules(self, view: View) -> ProjectView:
        return next(project for project in self.studio.projects() if project.id == view.project)

    def _decides(self, user: str | None, view: View) -> bool:
        """Whether what this person says about an item is the decision about it."""
        waits = view.state != "draft" and not view.gold and self._rules(view).apart
        return waits and may(self.studio, user, "reviewer")

    def _answer(self, view: View | None, user: str | None, asked: Answer, nothing: str = NOTHING) -> Answer:
        if view is None:
            progress = _progress(self.studio.progress(project_of(asked)))
            return {"item": None, "nothing": nothing, "progress": progress}
        image, rules = read_thermal(self.studio.image(view), view.name), self._rules(view)
        item = described(view) | {"refines": rules.fields, "facts": pictures.facts(image), "project": rules.id}
        item["instructions"] = rules.instructions
        if view.state == "review" and self._decides(user, view):
            item["answers"] = [
                {"user": one.user, "state": one.state, "fields": dict(one.fields)}
                for one in self.studio.review.answers(user or "", view.id)
            ]
            compared = self.studio.review.compare(user or "", view.id)
            item |= {"agreement": dict(compared.fields), "apart": compared.apart}
        progress = _progress(self.studio.progress(rules.id))
        return {"who": user or "", "item": item, "picture": pictures.pack(image), "progress": progress}


def _besides(asked: Answer) -> list[int]:
    after = asked.get("after")
    return [after] if isinstance(after, int) else []


def _saved(view: View) -> Answer:
    return {"id": view.id, "name": view.name, "version": view.version}


def _progress(progress: Progress) -> Answer:
    finished = progress.refined + progress.skipped
    words = f"{progress.refined} refined, {progress.skipped} skipped, {progress.drafts} to go"
    return {"share": 100 * finished / max(1, progress.total), "words": words, "review": progress.review}
