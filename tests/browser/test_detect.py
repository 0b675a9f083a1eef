"""Detect in a real browser, beyond one upload: words, ground truth, side by side, zoom, many images."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_tabs import MODEL, UPLOAD, open_tab, upload
from ui.images import EXAMPLES

pytestmark = pytest.mark.timeout(400)


def test_words_and_a_ground_truth_are_shown_beside_the_targets(page: Page) -> None:
    panel = open_tab(page, "Detect")
    panel.get_by_label("What are you looking for?").fill("a small bright drone")
    upload(panel, UPLOAD)
    summary = panel.get_by_text("at threshold")
    expect(summary).to_contain_text("Your words", timeout=MODEL)
    panel.get_by_text("Compare with a ground truth").click()
    panel.locator("#detect-truth input[type=file]").set_input_files(EXAMPLES / "masks" / UPLOAD.name)
    expect(summary).to_contain_text("Against the ground truth", timeout=30_000)
    panel.get_by_role("tab", name="Side by side").click()
    expect(panel.get_by_text("Left: ground truth")).to_be_visible()
    expect(panel.locator("#detect-pair img").first).to_be_visible()
    panel.get_by_role("tab", name="Zoom").click()
    expect(panel.locator("#detect-zooms")).to_be_visible()


def test_many_images_come_back_as_one_archive(page: Page, hostile: dict[str, Path], tmp_path: Path) -> None:
    panel = open_tab(page, "Detect")
    panel.get_by_text("Many images at once").click()
    paths = [EXAMPLES / "sky_1.png", EXAMPLES / "sea_4.png", hostile["text.png"]]
    panel.locator("#detect-files input[type=file]").set_input_files(paths)
    expect(panel.get_by_text("sea_4")).to_be_visible(timeout=20_000)
    panel.get_by_role("button", name="Mask them all").click()
    expect(panel.get_by_text("2 images")).to_be_visible(timeout=MODEL)
    expect(panel.get_by_text("skipped: 'text.png'")).to_be_visible()
    with page.expect_download() as download:
        panel.get_by_role("button", name="Masks and table (ZIP)").click()
    download.value.save_as(tmp_path / "masks.zip")
    with zipfile.ZipFile(tmp_path / "masks.zip") as packed:
        assert len(packed.namelist()) == 3
