"""The real app in a process of its own, and a real browser that watches its own console."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT = 90  # seconds; an idle machine needs about 6, a loaded one more


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the studio with its bundled models and an empty data folder; its log is shown if it does not start."""
    folder = tmp_path_factory.mktemp("studio")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PORT": str(port), "STUDIO_DATA": str(folder / "data"), "HF_HUB_OFFLINE": "1"}
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        _wait_for(url, process, log)
        yield url
        assert process.poll() is None, f"the app ended by itself:\n{log.read_text()[-3000:]}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + START_LIMIT
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the app did not answer at {url}:\n{log.read_text()[-3000:]}")


@pytest.fixture
def problems() -> list[str]:
    """Console errors, page errors and requests that leave this machine, of the test's page; must stay empty."""
    return []


@pytest.fixture
def page(browser: Browser, app_url: str, problems: list[str], request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh visitor on the studio's page. `@pytest.mark.parametrize("width", ...)` sets the width in CSS pixels."""
    width = request.node.callspec.params.get("width", 1280) if hasattr(request.node, "callspec") else 1280
    context = browser.new_context(viewport={"width": width, "height": 844}, accept_downloads=True)
    visit = context.new_page()
    visit.on("console", lambda m: problems.append(f"console: {m.text} {m.location}") if m.type == "error" else None)
    visit.on("pageerror", lambda error: problems.append(f"page: {error}"))
    visit.on("request", lambda r: problems.append(f"foreign: {r.url}") if _foreign(r.url, app_url) else None)
    visit.goto(app_url, timeout=90_000)
    expect(visit.get_by_role("tab", name="Detect", exact=True)).to_be_visible(timeout=30_000)
    yield visit
    context.close()
    assert problems == []


def _foreign(url: str, own: str) -> bool:
    return re.match(r"https?:", url) is not None and not url.startswith(own)
