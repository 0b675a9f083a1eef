"""docs/REFINERS.md, followed step by step by a new user. PICTURES=1 in the environment renews its pictures."""

import os
import re
from pathlib import Path

from playwright.sync_api import Page, expect

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "REFINERS.md"
WAIT = 60_000  # milliseconds; a loaded machine needs them


def shot(page: Page, name: str) -> None:
    assert f"guide/{name}.png" in GUIDE.read_text(encoding="utf-8")
    if os.environ.get("PICTURES"):
        page.wait_for_timeout(1200)
        page.locator("#label-editor").screenshot(path=ROOT / "docs" / "guide" / f"{name}.png")


def opened(page: Page, name: str) -> None:
    expect(page.locator("#label-editor .facts")).to_contain_text(name, timeout=WAIT)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_new_user_who_follows_the_guide_gets_through_it(page: Page) -> None:
    editor = page.locator("#label-editor")
    page.get_by_role("tab", name="Label", exact=True).click()
    opened(page, "sky_1.png")
    shot(page, "desk")

    page.get_by_role("button", name="Clear").click()
    press(page, "Escape")
    editor.locator("canvas").first.focus()
    press(page, "f", "g", "Enter", *["+"] * 7)
    expect(editor.locator(".count")).to_contain_text(re.compile(r"^([1-9]|1\d) px masked"))  # the target has 7
    shot(page, "pixels")

    press(page, "c", "Control+a")
    page.keyboard.type("An infared image of a clear sky with 1 warm target.")
    expect(editor).to_contain_text("did you mean infrared?", timeout=WAIT)
    expect(editor).to_contain_text("'warm' tells of heat")
    press(page, "Escape")
    editor.locator(".changes summary").click()
    shot(page, "words")
    editor.locator("canvas").first.focus()
    press(page, "Control+Enter")
    opened(page, "clouds_2.png")
    expect(editor.locator(".line .note")).to_contain_text("Saved sky_1.png")

    press(page, "c", "Control+a")
    page.keyboard.type("Two point targets before broken cloud.")
    press(page, "Escape")
    page.wait_for_timeout(600)  # the draft is kept after a moment
    page.reload()
    expect(page.get_by_role("tab", name="Label", exact=True)).to_be_visible(timeout=WAIT)
    page.get_by_role("tab", name="Label", exact=True).click()
    opened(page, "clouds_2.png")
    expect(editor.locator(".line .note")).to_contain_text("Your draft is back")

    other = page.context.new_page()  # the same item in another window, saved first
    other.goto(page.url)
    other.get_by_role("tab", name="Label", exact=True).click()
    expect(other.locator("#label-editor .facts")).to_contain_text("clouds_2.png", timeout=WAIT)
    other.keyboard.press("c")
    other.keyboard.press("Control+a")
    other.keyboard.type("Broken cloud with two faint targets.")
    other.keyboard.press("Control+Enter")
    expect(other.locator("#label-editor .line .note")).to_contain_text("Saved clouds_2.png", timeout=WAIT)
    other.close()
    editor.locator("canvas").first.focus()
    press(page, "Control+Enter")
    expect(editor.locator(".conflict")).to_contain_text("nothing was overwritten", timeout=WAIT)
    shot(page, "versions")
    editor.locator("fieldset", has_text="Global caption").get_by_text("Yours").click()
    page.get_by_role("button", name="Put the merge on the desk").click()
    editor.locator("canvas").first.focus()
    press(page, "Control+Enter")
    expect(editor.locator(".line .note")).to_contain_text("Saved clouds_2.png", timeout=WAIT)

    press(page, "o")
    expect(editor.locator(".panel")).to_contain_text("Saves a day", timeout=WAIT)
    shot(page, "progress")
    press(page, "Escape", "/")
    expect(editor.locator(".panel")).to_contain_text("1 to 6 of 6", timeout=WAIT)
    press(page, "Escape", "w")
    expect(page.get_by_text("Nothing left to review")).to_be_visible(timeout=WAIT)


def test_the_guide_names_only_keys_that_the_editor_has() -> None:
    known = set(re.findall(r'\["([^"]+)", "\w+", "', (ROOT / "ui/editor/controls.js").read_text(encoding="utf-8")))
    named = set(re.findall(r"<kbd>([^<]+)</kbd>", GUIDE.read_text(encoding="utf-8"))) - {"Esc"}
    assert named <= known | {"Shift+h"} and "Escape" in known
