"""What the handlers of every tab share: queue groups, and failures told in one sentence."""

import functools
import html
import inspect
import logging
from collections.abc import Callable
from typing import Any

import gradio as gr

from core.errors import InputError

# Keyword arguments of event listeners. Handlers are private: the page calls them, no API page lists them.
CHEAP: dict[str, Any] = {"concurrency_limit": None, "api_visibility": "private"}
MODEL: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1, "api_visibility": "private"}

log = logging.getLogger("studio")


def sentence(error: Exception) -> tuple[str, str]:
    """(title, sentence) to show for a failure. What people can't mend is logged and never shown."""
    if isinstance(error, InputError):
        return "Please check", str(error)
    log.error("A handler failed", exc_info=error)
    return "Something went wrong", "The studio could not finish this. Try again; if it stays, reload the page."


def guarded(handler: Callable) -> Callable:
    """Handler whose failures become one warning on the page, its outputs left as they are. Never a traceback.

    Takes plain functions and generators; gr.Error passes through.
    """

    def warn(error: Exception) -> dict[str, Any]:
        title, text = sentence(error)
        gr.Warning(html.escape(text), title=title)
        return gr.skip()

    @functools.wraps(handler)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            return warn(error)

    @functools.wraps(handler)
    def stream(*args: Any, **kwargs: Any) -> Any:
        try:
            yield from handler(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            yield warn(error)

    return stream if inspect.isgeneratorfunction(handler) else call
