"""The mask editor in a real browser: what is painted is what is stored."""

import contextlib
import io
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from core.thermal import read_thermal
from labeling import masks
from labeling.items import NewItem
from labeling.studio import Studio
from tests.ui.pages import fake_services
from ui import label

WIDTH, HEIGHT = 641, 513


@pytest.mark.timeout(240)
def test_single_pixels_borders_and_strokes_come_back_identical(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: Browser
) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    studio = Studio(
        f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "store", lambda data, name: read_thermal(data, name).size
    )
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 2**16, (HEIGHT, WIDTH), dtype=np.uint16)).save(out, "PNG")
    draft = np.zeros((HEIGHT, WIDTH), bool)
    draft[100:103, 50:60] = True
    studio.import_items([NewItem(out.getvalue(), "x.png", "test", "CC0", drafts={"mask": masks.encode(draft)})])
    with gr.Blocks() as app:
        label.build(fake_services(tmp_path, studio=studio))
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", ssr_mode=False)
    try:
        with contextlib.closing(browser.new_page(viewport={"width": 1280, "height": 900})) as page:
            problems: list[str] = []
            page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.goto(url)
            foot = page.locator("#mask-editor .count")
            expect(foot).to_contain_text("30 px masked", timeout=60_000)
            box = page.locator("#mask-editor canvas").bounding_box()
            assert box is not None
            scale = min(box["width"] / WIDTH, box["height"] / HEIGHT)
            left, top = (box["width"] - WIDTH * scale) / 2, (box["height"] - HEIGHT * scale) / 2

            def at(x: int, y: int) -> tuple[float, float]:
                return box["x"] + left + (x + 0.5) * scale, box["y"] + top + (y + 0.5) * scale

            truth = draft.copy()
            for x, y in ((0, 0), (640, 512), (640, 0), (0, 512), (320, 256)):
                page.mouse.click(*at(x, y))
                truth[y, x] = True
            page.mouse.move(*at(0, 10))  # down the left border
            page.mouse.down()
            page.mouse.move(*at(0, 30))
            page.mouse.up()
            truth[10:31, 0] = True
            page.keyboard.press("e")
            page.mouse.click(*at(50, 100))
            truth[100, 50] = False
            page.keyboard.press("b")
            page.mouse.click(*at(200, 200))
            page.keyboard.press("Control+z")
            page.keyboard.press("]")
            page.keyboard.press("]")
            page.mouse.click(*at(300, 300))  # 3 px across
            truth[299:302, 299:302] = True
            expect(foot).to_contain_text(f"{truth.sum()} px masked")
            page.keyboard.press("Control+Enter")
            expect(page.locator("#label-progress")).to_contain_text("1 refined", timeout=30_000)
    finally:
        app.close()
    assert problems == []
    assert np.array_equal(masks.decode(studio.item(1).fields["mask"], WIDTH, HEIGHT), truth)
