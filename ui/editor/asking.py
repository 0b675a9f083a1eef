"""How the editor's script and the studio talk: one JSON object in, one out, never a traceback.

An answer with "error" is one sentence for the person; with "again" too, the studio failed and the same may be sent
again; with "theirs" too, somebody else has changed the item and nothing was written.
"""

from collections.abc import Callable
from typing import Any

import gradio as gr

from core.errors import InputError
from labeling.items import Conflict, View
from labeling.studio import Studio
from labeling.workplace import ROLES
from ui import access
from ui.events import sentence

Answer = dict[str, Any]


def told(handler: Callable[[Answer, gr.Request], Answer]) -> Callable:
    """Handler under its own name whose failures become answers."""

    def call(asked: Any, request: gr.Request) -> Answer:
        try:
            if not isinstance(asked, dict):
                raise InputError("The studio was asked in a form it doesn't know: reload the page.")
            return handler(asked, request if isinstance(request, gr.Request) else gr.Request(request))
        except Conflict as conflict:
            return {"error": str(conflict), "theirs": described(conflict.theirs)}
        except InputError as error:
            return {"error": str(error)}
        except Exception as error:
            return {"error": sentence(error)[1], "again": True}

    call.__name__ = handler.__name__
    return call


def visitor(request: gr.Request) -> str | None:
    """The person who may write by this request, None for everybody else, who may look."""
    try:
        return access.writer(request)
    except access.Refused:
        return None


def may(studio: Studio, user: str | None, role: str) -> bool:
    """Whether this person has at least this role; visitors have none."""
    return user is not None and ROLES.index(studio.team.role(user)) >= ROLES.index(role)


def project_of(asked: Answer) -> int | None:
    """The project that the page shows; None, the first one, where it says none. The studio checks the number."""
    return asked.get("project") or None


def described(view: View) -> Answer:
    """An item as the script takes it."""
    return {
        "id": view.id, "sha256": view.sha256, "name": view.name, "source": view.source, "licence": view.licence,
        "width": view.width, "height": view.height, "version": view.version, "state": view.state, "user": view.user,
        "fields": dict(view.fields), "offered": view.offered, "at_work": list(view.at_work),
        "suggestions": [
            {"field": one.field, "value": one.value, "model": one.model, "version": one.model_version}
            for one in view.suggestions
        ],
    }  # fmt: skip
