import io
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from tests.commands import run_command
from tests.ui.callers import request
from ui import access
from ui.passwords import Passwords, line_for

WORD = "a long password"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "passwords.txt"
    path.write_text(line_for("ann", WORD) + "\n" + line_for("bob@lab.org", "another password") + "\n")
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.setenv("STUDIO_PASSWORDS", str(path))
    return path


def test_each_person_has_their_own_password(file: Path) -> None:
    people = Passwords(file)
    assert people("ann", WORD) and people("bob@lab.org", "another password")
    assert not people("ann", "another password") and not people("eve", WORD) and not people("", "")
    assert WORD not in file.read_text()


@settings(max_examples=30)
@given(text=st.text(max_size=40))
def test_whatever_the_file_holds_it_is_people_or_one_sentence(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("p") / "passwords.txt"
    path.write_text(text, encoding="utf-8", errors="ignore")
    try:
        assert not Passwords(path)("ann", "")
    except InputError as error:
        assert "python -m ui.passwords" in str(error)


def test_a_missing_file_and_what_is_no_password_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"python -m ui\.passwords"):
        Passwords(tmp_path / "none.txt")
    for name in ("a b", "a:b", "", "a" * 101):
        with pytest.raises(InputError, match="name"):
            line_for(name, WORD)
    with pytest.raises(InputError, match="longer"):
        line_for("ann", "short")


def test_the_command_writes_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{WORD}\n"))
    done = run_command("ui.passwords", "ann")
    assert done.code == 0 and done.out.startswith("ann:") and done.out.count("\n") == 1


def test_owners_are_those_that_are_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert access.owners() == ()
    monkeypatch.setenv("STUDIO_OWNERS", "ann, bob@lab.org")
    assert access.owners() == ("ann", "bob@lab.org")


@pytest.fixture
def url(file: Path) -> Iterator[str]:
    """A page that tells who writes, behind the passwords."""

    def who(_: str, request: gr.Request) -> str:
        return access.writer(request)

    with gr.Blocks() as page:
        box = gr.Textbox()
        gr.Button().click(who, box, box, queue=False)
        gr.HTML(server_functions=[told_who])
    _, url, _ = page.launch(
        prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", ssr_mode=False, auth=access.passwords()
    )
    yield url
    page.close()


def told_who(asked: object, request: gr.Request) -> str:
    try:
        return access.writer(request if isinstance(request, gr.Request) else gr.Request(request))
    except InputError as error:
        return str(error)


def test_only_who_signed_in_writes_and_only_from_the_studios_own_page(url: str) -> None:
    with httpx.Client(base_url=url, timeout=60) as visitor:
        assert visitor.get("config").status_code == 401
        assert visitor.post("login", data={"username": "ann", "password": "guess"}).status_code == 400
        assert visitor.post("login", data={"username": "ann", "password": WORD}).status_code == 200
        part = next(one for one in visitor.get("config").json()["components"] if one["props"].get("server_fns"))
        body = {"session_hash": "x", "component_id": part["id"], "fn_name": "told_who", "data": {}}
        place, run = "gradio_api/component_server", {"data": ["x"], "fn_index": 0}
        assert visitor.post(place, json=body).json() == "ann"
        assert visitor.post("gradio_api/run/predict", json=run).json()["data"] == ["ann"]
        assert "another web site" in visitor.post(place, json=body, headers={"Origin": "https://evil.example"}).json()
    assert httpx.post(url + place, json=body, timeout=60).status_code == 401


def test_without_a_cookie_nobody_writes_even_on_this_machine(file: Path) -> None:
    caller = request()
    caller.request.app, caller.request.cookies = type("Server", (), {"cookie_id": "1", "tokens": {}, "auth": 1}), {}
    with pytest.raises(access.Refused, match="Sign in"):
        access.writer(caller)
