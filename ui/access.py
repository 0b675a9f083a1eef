"""Who may write. Every handler that changes anything asks `writer` first; whoever the caller claims to be.

On a Space: people logged in with Hugging Face, and only if the Space has its own OAuth secret (without one, Gradio's
session cookie is signed with a public constant). Elsewhere: the people of a password file (ui.passwords), if
STUDIO_PASSWORDS names one; else one local user, by this machine's own browser or programs.
"""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

import gradio as gr

from core.errors import InputError
from ui.passwords import Passwords

if TYPE_CHECKING:
    from labeling.studio import Studio

LOCAL_USER = "local"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class Refused(InputError):
    """The caller may not write; says what would let them."""


def writer(request: gr.Request) -> str:
    """The name of the person who may write by this request. Raises Refused for everybody else.

    The Origin header must be the page's own. On a Space it must be present: only browsers hold a login. On this machine
    it may be absent (a program of the same user, no browser leaves it out of a cross-site POST), but the Host must be a
    loopback name, else a hostile domain that resolves to 127.0.0.1 would count as the page itself.
    """
    headers = request.headers
    host, origin = headers.get("host", ""), headers.get("origin")
    if os.environ.get("SPACE_ID"):
        own = {name.strip() for name in os.environ.get("SPACE_HOST", "").split(",")} - {""} or {host}
        if origin is None or not _is_origin_of(origin, own):
            raise Refused("This request comes from another web site: open the studio's own page and save there.")
        return _logged_in(request)
    if origin is not None and not _is_origin_of(origin, {host}):
        raise Refused("This request comes from another web site: open the studio's own page and save there.")
    if os.environ.get("STUDIO_PASSWORDS"):
        return _signed_in(request)
    if (
        getattr(request.client, "host", None) not in LOOPBACK
        or _parts(f"//{host}").hostname not in LOOPBACK
        or any(headers.get(name) for name in FORWARDED)
    ):
        raise Refused("Saving works only on the machine that runs the studio: open it there at http://127.0.0.1.")
    return LOCAL_USER


def owners() -> tuple[str, ...]:
    """Who owns the studio whatever its database says: STUDIO_OWNERS, else the Space's author or the local user."""
    if not os.environ.get("SPACE_ID") and not os.environ.get("STUDIO_PASSWORDS"):
        return (LOCAL_USER,)
    named = os.environ.get("STUDIO_OWNERS") or os.environ.get("SPACE_AUTHOR_NAME", "")
    return tuple(name.strip() for name in named.split(",") if name.strip())


def worker(request: gr.Request, studio: "Studio", role: str) -> str:
    """The name of the person who may write by this request and has at least this role. Raises InputError."""
    user = writer(request)
    studio.team.require(user, role)
    return user


def notice() -> str | None:
    """Why nobody can write here, in one sentence for the page; None where writing is possible."""
    if os.environ.get("SPACE_ID") and not os.environ.get("OAUTH_CLIENT_SECRET"):
        return "This copy is read-only: its owner has to set hf_oauth: true in the Space's README to let people log in."
    return None


def login() -> None:
    """Hugging Face's login button, on a Space that can honour it. Elsewhere Gradio's login would be mocked."""
    if os.environ.get("SPACE_ID") and os.environ.get("OAUTH_CLIENT_SECRET"):
        gr.LoginButton(size="sm")


def passwords() -> Passwords | None:
    """What `launch(auth=...)` asks, None where nobody has to sign in by a password. Raises InputError."""
    named = None if os.environ.get("SPACE_ID") else os.environ.get("STUDIO_PASSWORDS")
    return Passwords(Path(named)) if named else None


def _signed_in(request: gr.Request) -> str:
    """The name behind the cookie that Gradio gave after asking for a password: it keeps who has which."""
    assert request.request is not None  # every request of a server has one
    server, cookies = request.request.app, request.request.cookies
    tokens = (cookies.get(f"access-token{kind}-{server.cookie_id}") for kind in ("", "-unsecure"))
    name = next((server.tokens[token] for token in tokens if token in server.tokens), None)
    if server.auth is None or not name:
        raise Refused("Sign in first: reload the page.")
    return str(name)


def _logged_in(request: gr.Request) -> str:
    if reason := notice():
        raise Refused(reason)
    session = request.request.scope.get("session", {}) if request.request else {}
    info = session.get("oauth_info") or {}
    name = info.get("userinfo", {}).get("preferred_username")
    if not name or info.get("expires_at", 0) < time.time():
        raise Refused("Log in with Hugging Face first: the button is at the top of the Label tab.")
    return str(name)[:100]


def _is_origin_of(origin: str, hosts: set[str]) -> bool:
    parts = _parts(origin)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and parts.netloc in hosts


def _parts(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
