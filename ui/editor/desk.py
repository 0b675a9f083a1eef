"""What the editor's script asks for: items, saves, hints. One JSON object in, one out: see ui.editor.asking."""

from collections.abc import Callable

import gradio as gr

from core.errors import InputError
from core.thermal import read_thermal
from labeling.items import Progress, View
from labeling.studio import Studio
from labeling.workplace import ROLES
from ui import access, theme
from ui.editor import panels, pictures, wording
from ui.editor.asking import Answer, described, told, visitor

NOTHING = theme.empty(
    "Nothing left to refine here",
    "Import images in the Data tab, look up an item with Find, or go back to your last item below.",
)


class Desk:
    """The studio for the editor's script. Methods that end in a request are called by the page; see `functions`."""

    def __init__(self, studio: Studio):
        self.studio = studio

    def functions(self) -> list[Callable]:
        """What the script may call, by name."""
        own = (self.hello, self.next_item, self.open_item, self.last_item, self.give_back, self.heartbeat, self.check,
               self.save, self.skip, self.undo_save)  # fmt: skip
        return [told(handler) for handler in (*own, *panels.Panels(self.studio).handlers())]

    def hello(self, asked: Answer, request: gr.Request) -> Answer:
        """Who the visitor is; drafts in the browser are kept apart by it."""
        return {"who": visitor(request) or ""}

    def next_item(self, asked: Answer, request: gr.Request) -> Answer:
        """The next item for this person, `after` left out; without a login a look at the queue."""
        after = asked.get("after")
        besides = [after] if isinstance(after, int) else []
        user = visitor(request)
        return self._answer(self.studio.next_item(user, besides=besides), user)

    def open_item(self, asked: Answer, request: gr.Request) -> Answer:
        """One item by its number."""
        user = visitor(request)
        return self._answer(self._item(asked, user), user)

    def last_item(self, asked: Answer, request: gr.Request) -> Answer:
        """What this person saved or skipped last."""
        user = access.writer(request)
        view = self.studio.last_of(user)
        if view is None:
            raise InputError("You haven't saved or skipped an item yet.")
        return self._answer(view, user)

    def give_back(self, asked: Answer, request: gr.Request) -> Answer:
        """Leave an item to others, without an answer."""
        if (user := visitor(request)) is not None:
            self.studio.release(user, asked.get("item"))  # type: ignore[arg-type]  # the studio checks it
        return {}

    def heartbeat(self, asked: Answer, request: gr.Request) -> Answer:
        """Still at work on an item."""
        if (user := visitor(request)) is not None:
            self.studio.heartbeat(user, asked.get("item"))  # type: ignore[arg-type]
        return {}

    def check(self, asked: Answer, request: gr.Request) -> Answer:
        """Hints on what is being written; nothing is stored."""
        fields = asked.get("fields")
        radiometric = asked.get("unit") in ("celsius", "kelvin")
        return {"hints": wording.hints(fields, radiometric) if isinstance(fields, dict) else {}}

    def save(self, asked: Answer, request: gr.Request) -> Answer:
        """Accept a refinement, or a reviewer's decision on an item that waits for one."""
        user, item = access.writer(request), self._same_image(asked)
        values = asked.get("version", -1), asked.get("fields"), asked.get("key", "")
        if item.state == "review" and self._reviews(user):
            return _saved(self.studio.review.decide(user, item.id, *values))  # type: ignore[arg-type]
        return _saved(self.studio.save(user, item.id, *values))  # type: ignore[arg-type]

    def skip(self, asked: Answer, request: gr.Request) -> Answer:
        """Say that an item can't be refined."""
        user, item = access.writer(request), self._same_image(asked)
        return _saved(
            self.studio.skip(user, item.id, asked.get("version", -1), asked.get("reason", ""), asked.get("key", ""))
        )

    def undo_save(self, asked: Answer, request: gr.Request) -> Answer:
        """Take back this person's last save."""
        user = access.writer(request)
        view = self.studio.undo(user)
        return self._answer(view, user) | {"note": f"Taken back: {view.name} is as it was before."}

    def _item(self, asked: Answer, user: str | None) -> View:
        number = asked.get("item")
        return self.studio.open(user, number) if user else self.studio.item(number)  # type: ignore[arg-type]

    def _same_image(self, asked: Answer) -> View:
        """The item of a save. A browser may still hold work on another database's item of the same number."""
        item = self.studio.item(asked.get("item"))  # type: ignore[arg-type]
        if item.sha256 != asked.get("sha256"):
            raise InputError("This work belongs to another image: the studio's data was changed. Reload the page.")
        return item

    def _reviews(self, user: str) -> bool:
        return ROLES.index(self.studio.team.role(user)) >= ROLES.index("reviewer")

    def _answer(self, view: View | None, user: str | None) -> Answer:
        progress = _progress(self.studio.progress())
        if view is None:
            return {"item": None, "nothing": NOTHING, "progress": progress}
        image = read_thermal(self.studio.image(view), view.name)
        rules = next(project for project in self.studio.projects() if project.id == view.project)
        item = described(view) | {"refines": rules.fields, "facts": pictures.facts(image)}
        return {"who": user or "", "item": item, "picture": pictures.pack(image), "progress": progress}


def _saved(view: View) -> Answer:
    return {"id": view.id, "name": view.name, "version": view.version}


def _progress(progress: Progress) -> Answer:
    finished = progress.refined + progress.skipped
    words = f"{progress.refined} refined, {progress.skipped} skipped, {progress.drafts} to go"
    return {"share": 100 * finished / max(1, progress.total), "words": words}
