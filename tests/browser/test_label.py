"""The Label tab in a real browser: what is painted is what is stored, whatever the connection and other people do."""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from core.thermal import read_thermal
from labeling import masks
from labeling.items import NewItem
from labeling.studio import Studio
from tests.ui.pages import fake_services
from ui import label

WAIT = 60_000  # milliseconds; a loaded machine needs them
pytestmark = pytest.mark.timeout(600)


@dataclass
class Bench:
    """A studio with only its Label tab, its address, and visitors."""

    studio: Studio
    url: str
    visit: Callable[..., Page]

    def mask(self, item: int) -> np.ndarray:
        view = self.studio.item(item)
        return masks.decode(view.fields["mask"], view.width, view.height)


def picture(width: int, height: int, seed: int = 0) -> NewItem:
    """A 16-bit frame of noise with one bright pixel at x=20, y=10."""
    pixels = np.random.default_rng(seed).integers(7000, 7100, (height, width), dtype=np.uint16)
    pixels[10, 20] = 9000
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return NewItem(out.getvalue(), f"frame{seed}.png", "test", "CC0", drafts={"caption_global": f"draft {seed}"})


@contextmanager
def serving(folder: Path, browser: Browser, items: list[NewItem]) -> Iterator[Bench]:
    inspect = lambda data, name: read_thermal(data, name).size  # noqa: E731
    studio = Studio(f"sqlite:///{folder / 'studio.db'}", folder / "store", inspect)
    studio.import_items(items)
    with gr.Blocks() as app:
        label.build(fake_services(folder, studio=studio))
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", ssr_mode=False)
    contexts, problems = [], []

    def visit(query: str = "", strict: bool = True, width: int = 1280) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}))
        page = contexts[-1].new_page()
        if strict:
            page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(url + query, timeout=WAIT)
        expect(page.locator("#label-editor .facts")).to_contain_text("#", timeout=WAIT)
        return page

    try:
        yield Bench(studio, url, visit)
    finally:
        for context in contexts:
            context.close()
        app.close()
    assert problems == []


@pytest.fixture
def serve(
    tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[NewItem]], AbstractContextManager[Bench]]:
    monkeypatch.delenv("SPACE_ID", raising=False)
    return lambda items: serving(tmp_path, browser, items)


def opened(page: Page, item: int) -> None:
    expect(page.locator("#label-editor .facts")).to_contain_text(f"#{item} ", timeout=WAIT)


def said(page: Page, words: str) -> None:
    expect(page.locator("#label-editor .line .note")).to_contain_text(words, timeout=WAIT)


def spot(page: Page, width: int, height: int) -> Callable[[int, int], tuple[float, float]]:
    """Where the centre of an image pixel lies on the screen while the whole image is shown."""
    box = page.locator("#label-editor canvas").first.bounding_box()
    assert box is not None
    scale = min(box["width"] / width, box["height"] / height)
    left, top = (box["width"] - width * scale) / 2, (box["height"] - height * scale) / 2
    return lambda x, y: (box["x"] + left + (x + 0.5) * scale, box["y"] + top + (y + 0.5) * scale)


def test_one_pixel_a_border_and_an_odd_sized_mask_are_stored_as_painted(serve: Callable) -> None:
    with serve([picture(64, 48), picture(65, 47, 1), picture(641, 513, 2)]) as bench:
        page = bench.visit()
        opened(page, 1)
        single = np.zeros((48, 64), bool)
        single[10, 20] = True
        page.mouse.click(*spot(page, 64, 48)(20, 10))
        page.keyboard.press("Control+Enter")

        opened(page, 2)
        border = np.zeros((47, 65), bool)
        border[0], border[-1], border[:, 0], border[:, -1] = True, True, True, True
        at = spot(page, 65, 47)
        page.mouse.move(*at(0, 0))
        page.mouse.down()
        for corner in ((64, 0), (64, 46), (0, 46), (0, 0)):
            page.mouse.move(*at(*corner))
        page.mouse.up()
        page.keyboard.press("Control+Enter")

        opened(page, 3)
        odd = np.zeros((513, 641), bool)
        at = spot(page, 641, 513)
        for x, y in ((0, 0), (640, 512), (640, 0), (0, 512), (320, 256)):
            page.mouse.click(*at(x, y))
            odd[y, x] = True
        page.keyboard.press("e")
        page.mouse.click(*at(320, 256))
        odd[256, 320] = False
        page.keyboard.press("b")
        page.mouse.click(*at(200, 200))
        page.keyboard.press("Control+z")
        page.keyboard.press("]")
        page.keyboard.press("]")
        page.mouse.click(*at(300, 300))  # 3 px across
        odd[299:302, 299:302] = True
        page.keyboard.press("Control+Enter")
        expect(page.get_by_text("Nothing left to refine here")).to_be_visible(timeout=WAIT)
        for item, truth in ((1, single), (2, border), (3, odd)):
            assert np.array_equal(bench.mask(item), truth), item


def test_keys_alone_fill_box_point_write_and_save(serve: Callable) -> None:
    with serve([picture(64, 48), picture(64, 48, 1)]) as bench:
        page = bench.visit()
        opened(page, 1)
        for key in ("f", "g", "Enter", "r", "Enter", "Shift+ArrowRight", "ArrowDown", "Enter", "l"):
            page.keyboard.press(key)
        page.keyboard.type("person")
        for key in ("Enter", "t", "ArrowLeft", "Enter", "c", "Control+a"):
            page.keyboard.press(key)
        page.keyboard.type("An infared target")
        expect(page.locator("#label-editor")).to_contain_text("did you mean infrared?", timeout=WAIT)
        page.keyboard.press("Control+Enter")
        opened(page, 2)
        fields = bench.studio.item(1).fields
        assert fields["mask"] == {"size": [64, 48], "runs": [10 * 64 + 20, 1]}
        assert fields["boxes"] == [{"label": "person", "xyxy": [20, 10, 31, 12]}]
        assert fields["points"] == [{"label": "", "xy": [29, 11]}]
        assert fields["caption_global"] == "An infared target"
        page.keyboard.press("Shift+u")
        opened(page, 1)
        said(page, "Taken back")
        assert bench.studio.item(1).state == "draft"
        page.keyboard.press("?")
        expect(page.get_by_text("Narrower window")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("Shift+h")
        expect(page.get_by_text("Version 2 by local")).to_be_visible(timeout=WAIT)


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_work_without_a_connection_is_kept_through_a_reload_and_sent_once(serve: Callable, seconds: int) -> None:
    with serve([picture(64, 48, seed) for seed in range(4)]) as bench:
        page = bench.visit(strict=False)  # the browser itself reports failed requests
        opened(page, 1)
        page.wait_for_timeout(3000)  # the next image comes
        page.context.set_offline(True)
        page.mouse.click(*spot(page, 64, 48)(5, 5))
        page.keyboard.press("Control+Enter")
        opened(page, 2)
        page.mouse.click(*spot(page, 64, 48)(6, 6))
        page.keyboard.press("c")
        page.keyboard.type(" half done")
        expect(page.locator("#label-editor .link")).to_contain_text("1 save waits")
        page.wait_for_timeout(1000 * seconds)
        assert bench.studio.item(1).version == 1
        page.context.set_offline(False)
        page.reload()
        opened(page, 2)
        for _ in range(WAIT // 100):  # the waiting save goes out by itself, before or after the draft is back
            if bench.studio.item(1).version == 2:
                break
            page.wait_for_timeout(100)
        assert page.get_by_label("Global caption").input_value() == "draft 1 half done"
        page.keyboard.press("Control+Enter")
        opened(page, 3)
        one, two = bench.studio.item(1), bench.studio.item(2)
        assert (one.version, two.version) == (2, 2)  # each save once
        assert bench.mask(1)[5, 5] and bench.mask(1).sum() == 1 and bench.mask(2)[6, 6] and bench.mask(2).sum() == 1
        assert two.fields["caption_global"] == "draft 1 half done"


def test_two_people_on_one_item_merge_and_overwrite_nothing(serve: Callable) -> None:
    with serve([picture(64, 48)]) as bench:
        bench.studio.save("ann", 1, 1, {"caption_fine": "ann's"}, "key-of-ann-1")
        page = bench.visit("?item=1")
        opened(page, 1)
        bench.studio.save("bob", 1, 2, {"caption_global": "<b>bob's</b>", "caption_fine": "bob's"}, "key-of-bob-1")
        page.mouse.click(*spot(page, 64, 48)(5, 5))
        page.keyboard.press("v")
        page.keyboard.press("Control+a")
        page.keyboard.type("mine")
        page.keyboard.press("Control+Enter")
        panel = page.locator("#label-editor .conflict")
        expect(panel).to_contain_text("bob changed this item", timeout=WAIT)
        expect(panel).to_contain_text("They differ in: fine caption")
        assert bench.studio.item(1).fields["caption_fine"] == "bob's"
        merge = page.get_by_role("button", name="Put the merge on the desk")
        expect(merge).to_be_disabled()
        panel.locator("fieldset", has_text="Fine caption").get_by_text("Yours").click()
        merge.click()
        said(page, "The merge is on the desk")
        page.keyboard.press("Control+Enter")
        said(page, "version 4")
        fields = bench.studio.item(1).fields
        assert (fields["caption_global"], fields["caption_fine"]) == ("<b>bob's</b>", "mine")
        assert bench.mask(1)[5, 5] and bench.mask(1).sum() == 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_twenty_real_items_are_labelled_with_the_keyboard_only(serve: Callable, data_root: Path) -> None:
    aerial = sorted((data_root / "hit_uav" / "images").rglob("*.jpg"))[:10]
    names = (data_root / "langir_sirst" / "trainval.txt").read_text().split()[:10]
    paths = [*aerial, *(data_root / "langir_sirst" / "images" / f"{name}.png" for name in names)]
    assert len(paths) == 20
    with serve([NewItem(path.read_bytes(), path.name, "real", "see source") for path in paths]) as bench:
        page = bench.visit()
        for item in range(1, 21):
            opened(page, item)
            for key in ("f", "g", "Enter", "c"):
                page.keyboard.press(key)
            page.keyboard.type(f"Infrared frame number {item} with a hot target.")
            page.keyboard.press("Escape")
            count = page.locator("#label-editor .count").inner_text().split()[0]
            page.keyboard.press("Control+Enter")
            expect(page.locator("#label-editor .line .note")).to_contain_text(
                f"Saved {paths[item - 1].name}", timeout=WAIT
            )
            assert int(count) == bench.mask(item).sum() > 0
            assert bench.studio.item(item).fields["caption_global"].endswith(f"number {item} with a hot target.")
        assert bench.studio.progress().refined == 20


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_the_desk_without_scrolling_sideways(serve: Callable, theme: str) -> None:
    with serve([picture(64, 48)]) as bench:
        page = bench.visit(f"?__theme={theme}", width=390)
        expect(page.locator("#label-editor canvas").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_answers_wait_for_a_reviewer_who_decides_field_by_field(serve: Callable) -> None:
    with serve([picture(64, 48)]) as bench:
        page = bench.visit()
        opened(page, 1)
        panel, editor = page.locator("#label-editor .panel"), page.locator("#label-editor")
        page.keyboard.press("Shift+t")
        panel.get_by_label("Name").fill("Apart")
        panel.get_by_label("People who answer an item").fill("2")
        panel.get_by_role("button", name="Make the project").click()
        expect(panel).to_contain_text("Project Apart is there", timeout=WAIT)
        page.keyboard.press("Escape")
        bench.studio.import_items([picture(64, 48, 7)], project=2)
        for user, start in (("ann", 0), ("bob", 100)):
            fields = {"mask": {"size": [64, 48], "runs": [start, 2]}, "caption_global": f"{user}'s"}
            bench.studio.save(user, 2, 1, fields, f"key-of-{user}")
        editor.get_by_label("Project").select_option("Apart")
        expect(page.get_by_text("Nothing left to refine here")).to_be_visible(timeout=WAIT)
        page.keyboard.press("w")
        versions = editor.locator(".conflict")
        expect(versions).to_contain_text("2 answers wait for your decision", timeout=WAIT)
        expect(versions).to_contain_text("mask 0.00")
        versions.locator("fieldset", has_text="Mask").get_by_text("bob").click()
        versions.locator("fieldset", has_text="Global caption").get_by_text("ann", exact=True).click()
        page.get_by_role("button", name="Put the merge on the desk").click()
        page.keyboard.press("Control+Enter")
        expect(page.get_by_text("Nothing left to review")).to_be_visible(timeout=WAIT)
        decided = bench.studio.item(2)
        assert (decided.state, decided.user, decided.fields["caption_global"]) == ("refined", "local", "ann's")
        assert decided.fields["mask"]["runs"] == [100, 2]
        editor.get_by_role("button", name="Back to the queue").click()
        expect(page.get_by_text("Nothing left to refine here")).to_be_visible(timeout=WAIT)
