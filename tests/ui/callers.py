"""Requests as handlers see them, without a server."""

import time
from types import SimpleNamespace
from typing import Any

HOST = "127.0.0.1:7860"


def request(client: str | None = "127.0.0.1", oauth: dict | None = None, **headers: str) -> Any:
    """A request to the page at HOST; header names with dashes written as underscores."""
    named = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {"session": {"oauth_info": oauth} if oauth else {}}
    caller = None if client is None else SimpleNamespace(host=client)
    return SimpleNamespace(headers=named, client=caller, request=SimpleNamespace(scope=scope))


def foreign() -> Any:
    """A request that another web site made the visitor's browser send."""
    return request(origin="https://evil.example")


def profile(name: str = "ann", expires_in: float = 3600) -> dict:
    """What Gradio keeps of a Hugging Face login."""
    return {"userinfo": {"preferred_username": name}, "expires_at": time.time() + expires_in}
