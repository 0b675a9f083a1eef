"""Everything that the app's own configuration lists, called by raw HTTP by people who may not write."""

import sqlite3
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import app
from core.thermal import read_thermal
from labeling.seed import seed
from labeling.studio import Studio
from tests.ui.pages import fake_services
from ui.images import EXAMPLES

# Every endpoint is in one of these: a new one fails the test until somebody says which it is.
LOOKING = {
    "hello", "next_item", "open_item", "last_item", "give_back", "heartbeat", "check", "find", "history", "overview",
    "bulk",
}  # fmt: skip
WRITING = {
    "next_review", "suggest", "save", "skip", "make_gold", "undo_save", "alike", "undo_edit", "restore", "bulk_preview",
    "bulk_apply", "bulk_undo", "team", "set_role", "undo_all", "new_project",
}  # fmt: skip
LOOKING_HANDLERS = {
    "on_upload", "on_example", "on_again", "on_redraw", "on_truth", "on_many", "warm", "on_text", "on_image", "on_more",
    "on_select", "on_palette", "answer", "stream", "on_clear", "on_open", "on_which", "on_newer", "on_older",
    "<lambda>",
}  # fmt: skip
FOR_ROLES = {"on_import", "on_ask", "on_export", "on_add"}
SPACE = {"SPACE_ID": "team/studio", "SPACE_HOST": "team-studio.hf.space", "OAUTH_CLIENT_SECRET": "secret"}


@dataclass
class Served:
    """The whole app on loopback, with an item that has a save, and what it keeps."""

    blocks: Any
    url: str
    folder: Path
    studio: Studio

    def kept(self) -> dict[str, Any]:
        """Every row of the database but the leases, and every file: what a write would change."""
        with closing(sqlite3.connect(self.folder / "studio.db")) as database:
            tables = ("project", "item", "current", "refinement_event", "answer", "suggestion", "member")
            rows: dict[str, Any] = {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
        rows["files"] = sorted(path for path in self.folder.rglob("*") if not path.name.startswith("studio.db"))
        return rows

    def functions(self) -> list[tuple[int, str]]:
        """(component, name) of every function that a component offers to its script."""
        config = httpx.get(f"{self.url}config").json()
        parts = [part for part in config["components"] if part["props"].get("server_fns")]
        return [(part["id"], name) for part in parts for name in part["props"]["server_fns"]]

    def handlers(self) -> list[tuple[int, str, int]]:
        """(number, name of the Python function, number of inputs) of every event with a handler."""
        config = httpx.get(f"{self.url}config").json()
        listed = [part for part in config["dependencies"] if part["backend_fn"]]
        return [(part["id"], str(self.blocks.fns[part["id"]].name), len(part["inputs"])) for part in listed]

    def call(self, component: int, name: str, payload: dict, **headers: str) -> Any:
        """The answer of a component's function."""
        body = {"session_hash": uuid.uuid4().hex, "component_id": component, "fn_name": name, "data": payload}
        return httpx.post(f"{self.url}gradio_api/component_server", json=body, headers=headers, timeout=60).json()

    def run(self, number: int, inputs: int, headers: dict[str, str]) -> str:
        """Everything the queue tells about one event, as text."""
        session = uuid.uuid4().hex
        body = {"data": [None] * inputs, "fn_index": number, "session_hash": session}
        joined = httpx.post(f"{self.url}gradio_api/queue/join", json=body, headers=headers, timeout=60)
        if joined.status_code != 200:
            return joined.text
        told = ""
        with httpx.stream("GET", f"{self.url}gradio_api/queue/data?session_hash={session}", timeout=60) as stream:
            for line in stream.iter_lines():
                told += line
                if "process_completed" in line or "close_stream" in line:
                    return told
        return told


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    studio = Studio(
        f"sqlite:///{folder / 'studio.db'}", folder / "store", lambda data, name: read_thermal(data, name).size,
        owners=("boss",), newcomers="viewer",
    )  # fmt: skip
    studio.team.set_role("boss", "ann", "refiner")
    seed(studio, EXAMPLES)
    studio.save("ann", 1, 1, {"caption_global": "ann's"}, "key-of-ann")
    blocks = app.build_app(fake_services(folder, studio=studio))
    _, url, _ = blocks.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", ssr_mode=False)
    yield Served(blocks, url, folder, studio)
    blocks.close()
    studio.engine.dispose()


@dataclass
class Caller:
    """Somebody who may not write: what their requests carry, what the environment is, what they must be told."""

    headers: dict[str, str]
    environment: dict[str, str]
    told: str


@pytest.fixture(params=["anonymous", "foreign origin", "other host", "wrong role"])
def caller(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Caller:
    callers = {
        "anonymous": Caller({"Origin": "https://team-studio.hf.space"}, SPACE, "Log in with Hugging Face"),
        "foreign origin": Caller({"Origin": "https://evil.example"}, {}, "another web site"),
        "other host": Caller({"Host": "evil.example"}, {}, "on the machine that runs the studio"),
        "wrong role": Caller({}, {}, "you are a viewer here"),
    }
    for name in SPACE:
        monkeypatch.delenv(name, raising=False)
    found = callers[request.param]
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


def payload(studio: Studio) -> dict[str, Any]:
    """What every function would accept from an owner."""
    item = studio.item(1)
    return {
        "item": 1, "sha256": item.sha256, "version": item.version, "fields": {"caption_global": "written"},
        "key": uuid.uuid4().hex, "reason": "other", "edit": "key-of-ann", "to": 1, "what": "add the tag", "value": "t",
        "expected": 1, "batch": "b", "person": "ann", "role": "owner", "name": uuid.uuid4().hex,
        "answers": "1", "field_mask": "on",
    }  # fmt: skip


def test_every_endpoint_is_known_to_look_or_to_write(served: Served) -> None:
    functions = {name for _, name in served.functions()}
    assert functions == LOOKING | WRITING, "say in this file whether a new function looks or writes"
    handlers = {name for _, name, _ in served.handlers()}
    assert handlers <= LOOKING_HANDLERS | FOR_ROLES, "say whether a new handler looks or writes"
    assert handlers >= FOR_ROLES


def test_no_function_writes_for_somebody_who_may_not(served: Served, caller: Caller) -> None:
    before = served.kept()
    for component, name in served.functions():
        answer = served.call(component, name, payload(served.studio), **caller.headers)
        assert served.kept() == before, name
        if name in WRITING:
            assert caller.told in answer.get("error", ""), (name, answer)


def test_no_event_writes_for_somebody_who_may_not(served: Served, caller: Caller) -> None:
    before, handlers = served.kept(), served.handlers()
    with ThreadPoolExecutor(8) as pool:
        calls = [(name, pool.submit(served.run, number, inputs, caller.headers)) for number, name, inputs in handlers]
    for name, call in calls:
        told = call.result()
        assert "Traceback" not in told, name
        if name in FOR_ROLES:
            assert caller.told in told, (name, told)
    assert served.kept() == before


def test_the_same_calls_write_for_an_owner(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SPACE:
        monkeypatch.delenv(name, raising=False)
    served.studio.team.set_role("boss", "local", "owner")
    try:
        component = served.functions()[0][0]
        for name in ("undo_edit", "save", "skip", "undo_save", "new_project", "bulk_apply", "suggest"):
            before = served.kept()
            answer = served.call(component, name, payload(served.studio))
            assert "error" not in answer and served.kept() != before, (name, answer)
    finally:
        served.studio.team.set_role("boss", "local", "viewer")
