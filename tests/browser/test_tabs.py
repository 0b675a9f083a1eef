"""Every tab in a real browser with a real upload. The `page` fixture fails a test on any console error."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from ui.images import EXAMPLES

TABS = ("Detect", "Retrieve", "Chat", "Label", "Data", "About")
MODEL = 150_000  # milliseconds: the first use of a model imports torch and loads weights
UPLOAD = EXAMPLES / "sky_1.png"  # 16 bits, one point target

pytestmark = pytest.mark.timeout(400)


def open_tab(page: Page, name: str) -> Locator:
    page.get_by_role("tab", name=name, exact=True).click()
    panel = page.locator("[role=tabpanel]:visible").first  # a tab may hold tabs of its own
    expect(panel).to_be_visible()
    return panel


def upload(panel: Locator, path: Path, zone: int = 0) -> None:
    panel.locator(".drop-zone input[type=file]").nth(zone).set_input_files(path)


def test_detect_masks_redraws_and_downloads(page: Page, tmp_path: Path) -> None:
    panel = open_tab(page, "Detect")
    expect(panel.get_by_text("No image yet")).to_be_visible()
    upload(panel, UPLOAD)
    expect(panel.get_by_text("16-bit")).to_be_visible(timeout=MODEL)
    summary = panel.get_by_text("at threshold")
    expect(summary).to_contain_text("at threshold 0.50", timeout=MODEL)
    with page.expect_download() as download:
        panel.get_by_role("button", name="Mask (PNG)").click()
    download.value.save_as(tmp_path / "mask.png")
    with Image.open(tmp_path / "mask.png") as picture:
        mask = np.asarray(picture)
    assert mask.dtype == np.uint8 and mask.shape == (256, 320) and set(np.unique(mask)) <= {0, 255}
    with page.expect_download() as download:
        panel.get_by_role("button", name="Table (JSON)").click()
    download.value.save_as(tmp_path / "table.json")
    table = json.loads((tmp_path / "table.json").read_text())
    assert table["image"] == "sky_1.png"
    assert sum(target["area_px"] for target in table["targets"]) == np.count_nonzero(mask)

    number = panel.get_by_label("number input for Threshold")
    number.fill("0.2")
    number.blur()
    expect(summary).to_contain_text("at threshold 0.20")
    panel.get_by_text("inferno", exact=True).click()
    expect(panel.locator(".picture img")).to_be_visible()


def test_retrieve_finds_by_words_and_by_image_and_takes_a_new_image(page: Page, tmp_path: Path) -> None:
    panel = open_tab(page, "Retrieve")
    captions = panel.locator(".results .caption-label")
    count = captions.count()
    panel.get_by_label("Describe the scene").fill("a street seen from above with vehicles")
    panel.get_by_label("Describe the scene").press("Enter")
    expect(panel.get_by_text("Best matches for your words")).to_be_visible(timeout=MODEL)
    scores = [float(text.split(" · ")[0]) for text in captions.all_inner_texts()]
    assert len(scores) == min(12, count) and scores == sorted(scores, reverse=True)

    upload(panel, UPLOAD)
    expect(panel.get_by_text("Images most like yours")).to_be_visible(timeout=MODEL)
    assert captions.first.inner_text().endswith("sky 1")

    extra = tmp_path / "my extra.png"
    with Image.open(UPLOAD) as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(extra)
    panel.get_by_text("Add an image to the gallery").click()
    upload(panel, extra, zone=1)
    expect(captions.filter(has_text="my extra")).to_be_visible(timeout=20_000)


def test_chat_streams_an_answer_stops_and_goes_on(page: Page) -> None:
    panel = open_tab(page, "Chat")
    scene = panel.get_by_role("button", name="Scene", exact=True)
    expect(scene).to_be_disabled()
    upload(panel, UPLOAD)
    asked, answers = panel.locator("#chat-messages .message.user"), panel.locator("#chat-messages .message.bot")
    stop, question = panel.get_by_role("button", name="Stop"), panel.get_by_placeholder("Ask about the image…")

    scene.click(timeout=20_000)  # waits until the image is read
    expect(answers).to_have_count(1, timeout=20_000)
    expect(answers.last).not_to_contain_text("…", timeout=MODEL)
    expect(stop).to_be_disabled(timeout=MODEL)

    question.fill("Describe the image in as many words as you can.")
    question.press("Enter")
    expect(asked).to_have_count(2, timeout=20_000)
    with contextlib.suppress(PlaywrightTimeout):  # the answer may be complete already
        stop.click(timeout=5_000)
    expect(stop).to_be_disabled(timeout=20_000)

    page.wait_for_timeout(500)  # a question asked while the page still closes the last answer is ignored
    question.fill("What kind of scene is this?")
    question.press("Enter")
    expect(answers).to_have_count(3, timeout=20_000)
    expect(answers.last).not_to_contain_text("…", timeout=MODEL)
    expect(stop).to_be_disabled(timeout=MODEL)

    question.fill("Describe the image again.")
    question.press("Enter")
    expect(asked).to_have_count(4, timeout=20_000)
    panel.get_by_text("Choose another image").click()
    upload(panel, EXAMPLES / "sea_4.png")  # ends what is being said about the image before
    expect(answers).to_have_count(0, timeout=20_000)
    page.wait_for_timeout(2_000)
    expect(answers).to_have_count(0)
    expect(stop).to_be_disabled()


def test_label_shows_the_next_item_and_data_its_progress(page: Page) -> None:
    panel = open_tab(page, "Label")
    expect(panel.get_by_label("Global caption")).not_to_be_empty(timeout=20_000)
    expect(panel.locator("canvas").first).to_be_visible()
    panel = open_tab(page, "Data")
    expect(panel.get_by_role("button", name="Export")).to_be_visible()


def test_about_lists_the_bundled_models_with_their_limits(page: Page) -> None:
    panel = open_tab(page, "About")
    cards = panel.locator(".model-card")
    expect(cards.first).to_be_visible()
    for card in cards.all():
        expect(card.get_by_text("What it can't do")).to_be_visible()


def test_dark_is_the_default_and_the_switch_is_remembered(page: Page) -> None:
    page.wait_for_function("document.body.classList.contains('dark')")
    page.get_by_role("button", name="Switch between dark and light").click()
    page.wait_for_function("!document.body.classList.contains('dark')")
    page.goto(page.url.split("?")[0])
    expect(page.get_by_role("tab", name="Detect", exact=True)).to_be_visible()
    page.wait_for_function("!document.body.classList.contains('dark')")


@pytest.mark.parametrize("width", [390])
def test_on_a_phone_every_tab_is_reachable_and_nothing_scrolls_sideways(page: Page, width: int) -> None:
    for name in TABS:
        open_tab(page, name)
        page.wait_for_timeout(400)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


@pytest.mark.parametrize("tab", ["Detect", "Retrieve", "Chat"])
def test_hostile_uploads_give_one_message_each_and_the_app_goes_on(
    page: Page, hostile: dict[str, Path], tab: str
) -> None:
    panel = open_tab(page, tab)
    messages = page.locator(".toast-body")
    for kind in ("corrupt.png", "bomb.png", "text.png", "empty.png"):
        upload(panel, hostile[kind])
        expect(messages.filter(has_text=kind)).to_have_count(1, timeout=30_000)
        expect(messages).to_have_count(1)
        assert "Traceback" not in page.content()
        page.get_by_test_id("toast-close").click()
        expect(messages).to_have_count(0)


def test_importing_hostile_files_names_each_and_takes_the_good_one(page: Page, hostile: dict[str, Path]) -> None:
    panel = open_tab(page, "Data")
    before = int(panel.get_by_text("to go").inner_text(timeout=20_000).split()[0])
    panel.get_by_text("Import images").click()
    kinds = ("corrupt.png", "bomb.png", "text.png", "empty.png")
    good = EXAMPLES / "masks" / "aerial_6.png"  # a picture that is not in the queue yet
    panel.locator("#data-files input[type=file]").set_input_files([*(hostile[kind] for kind in kinds), good])
    expect(panel.locator("#data-files").get_by_role("link")).to_have_count(5, timeout=20_000)  # all are uploaded
    panel.get_by_label("Where are they from?").fill("a browser test")
    panel.get_by_label("Under which licence?").fill("CC0")
    panel.get_by_role("button", name="Import into the queue").click()
    report = panel.locator("#data-imported")
    for kind in kinds:
        expect(report).to_contain_text(kind, timeout=30_000)
    expect(report).not_to_contain_text("aerial_6.png")
    expect(panel.get_by_text(f"{before + 1} to go")).to_be_visible(timeout=20_000)
    assert "Traceback" not in page.content()
