"""The app as a process: it starts without torch and without a network."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import app

ROOT = Path(__file__).resolve().parent.parent

# Builds the whole page, launches it, and reports what the process touched on the way.
START = """
import json, sys
outside = []
def watch(event, arguments):
    if event == "socket.connect" and not str(arguments[1][0]).startswith(("127.", "::1", "/")):
        outside.append(str(arguments[1]))
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "localhost", "127.0.0.1", "::1", "0.0.0.0"):
        outside.append(str(arguments[0]))
sys.addaudithook(watch)
import app, gradio, httpx
launch = gradio.Blocks.launch
def launch_once(blocks, **options):
    _, url, _ = launch(blocks, prevent_thread_lock=True, quiet=True, **options)
    page = httpx.get(url)
    foreign = [part for part in ("googleapis", "cdnjs", "cdn.") if part in page.text]
    blocked = httpx.get(url + "gradio_api/file=" + str(app.Settings.from_environment().data / "studio.db")).status_code
    heavy = [name for name in ("torch", "transformers", "open_clip", "datasets") if name in sys.modules]
    status = page.status_code
    print(json.dumps({"status": status, "foreign": foreign, "blocked": blocked, "heavy": heavy, "outside": outside}))
    blocks.close()
gradio.Blocks.launch = launch_once
app.main()
"""


def test_the_app_starts_without_models_and_without_leaving_this_machine(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "GRADIO_ANALYTICS_ENABLED")}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment |= {"PORT": str(port), "STUDIO_DATA": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", START],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    assert report == {"status": 200, "foreign": [], "blocked": 403, "heavy": [], "outside": []}
    assert (tmp_path / "studio.db").is_file()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PORT", "STUDIO_DATA", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    assert app.Settings.from_environment() == app.Settings(7860, "127.0.0.1", ROOT / "var")
    monkeypatch.setenv("PORT", "8000")
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    monkeypatch.setenv("SPACE_ID", "someone/studio")
    assert app.Settings.from_environment() == app.Settings(8000, "0.0.0.0", tmp_path)


def test_a_model_is_loaded_once_even_when_many_ask_at_the_same_time() -> None:
    loads = []

    def load() -> object:
        time.sleep(0.05)
        loads.append(True)
        return object()

    get, seen = app.once(load), []
    threads = [threading.Thread(target=lambda: seen.append(get())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1 and len(set(map(id, seen))) == 1


def test_a_failed_load_is_tried_again() -> None:
    attempts = []

    def load() -> str:
        attempts.append(True)
        if len(attempts) == 1:
            raise OSError("not yet")
        return "model"

    get = app.once(load)
    with pytest.raises(OSError, match="not yet"):
        get()
    assert get() == "model"


@pytest.mark.parametrize("port", ["no number", "0", "70000", "-1"])
def test_a_port_that_cannot_be_is_told_in_one_line(port: str, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(SystemExit) as stop:
        app.main()
    assert (
        stop.value.code == 2 and capsys.readouterr().err == f"error: PORT is '{port}': give a number from 1 to 65535.\n"
    )


def test_a_taken_port_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("PORT", str(other.getsockname()[1]))
        with pytest.raises(SystemExit) as stop:
            app.main()
    assert stop.value.code == 2 and "is taken" in capsys.readouterr().err
