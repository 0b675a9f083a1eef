import io
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from core.thermal import read_thermal
from labeling import masks
from labeling.items import NewItem
from labeling.studio import Studio
from tests.ui.callers import foreign, request
from tests.ui.pages import fake_services, handlers
from ui import label
from ui.services import Services

NAMES = ["progress", "done", "work", "clash", "versions", "compared", "facts", "editor", "broad", "fine", "tags"]


def image(seed: int) -> NewItem:
    pixels = np.random.default_rng(seed).integers(7000, 9000, (5, 7), dtype=np.uint16)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return NewItem(out.getvalue(), f"<img src=x>{seed}.png", "test", "CC0", drafts={"caption_global": f"draft {seed}"})


@pytest.fixture
def services(tmp_path: Path) -> Services:
    studio = Studio(
        f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "store", lambda data, name: read_thermal(data, name).size
    )
    studio.import_items([image(1), image(2)])
    return fake_services(tmp_path, studio=studio)


@pytest.fixture
def tab(services: Services, monkeypatch: pytest.MonkeyPatch) -> dict:
    monkeypatch.delenv("SPACE_ID", raising=False)
    return handlers(label, services)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda text, **_: said.append(text))
    return said


def shown(updates: Any) -> dict[str, Any]:
    return dict(zip(NAMES, updates, strict=True))


def desk(updates: Any) -> dict[str, Any]:
    """The editor's value, which carries the item's token."""
    return shown(updates)["editor"]["value"]


def test_the_next_item_is_opened_with_its_drafts(tab: dict) -> None:
    page = shown(tab["on_open"](None))
    value = page["editor"]["value"]
    assert (value["item"], value["version"], value["size"], value["runs"]) == (1, 1, [7, 5], [])
    assert page["broad"] == "draft 1" and page["work"]["visible"] and not page["done"]["visible"]
    assert page["editor"]["image"].startswith("data:image/png;base64,")
    assert "<img" not in page["facts"]


def test_entering_the_tab_again_leaves_begun_work_alone(tab: dict) -> None:
    assert "value" not in tab["on_open"](desk(tab["on_open"](None)))


def test_a_save_stores_mask_and_texts_and_opens_the_next_item(tab: dict, services: Services) -> None:
    value = desk(tab["on_open"](None))
    updates = tab["on_save"]({**value, "runs": [3, 2]}, "new", "fine", ["sea"], request())
    saved = services.studio.item(1)
    assert saved.fields == {
        "caption_global": "new", "caption_fine": "fine", "tags": ["sea"], "mask": {"size": [7, 5], "runs": [3, 2]}
    }  # fmt: skip
    assert desk(updates)["item"] == 2 and "Saved" in shown(updates)["progress"]


def test_the_same_save_sent_twice_is_one(tab: dict, services: Services) -> None:
    value = desk(tab["on_open"](None))
    for _ in range(2):
        tab["on_save"](value, "new", "", [], request())
    assert services.studio.item(1).version == 2


def test_a_stale_save_shows_both_versions_escaped_and_overwrites_only_when_told(tab: dict, services: Services) -> None:
    value = desk(tab["on_open"](None))
    services.studio.save("<b>bob</b>", 1, 1, {"caption_global": "<i>bob's</i>"}, "key-bob-1")
    page = shown(tab["on_save"]({**value, "runs": [0, 1]}, "<u>mine</u>", "", [], request()))
    assert page["clash"]["visible"] and page["compared"] == 2
    for text in ("&lt;i&gt;bob", "&lt;u&gt;mine", "&lt;b&gt;bob"):
        assert text in page["versions"]
    assert services.studio.item(1).fields["caption_global"] == "<i>bob's</i>"
    tab["on_mine"](page["compared"], {**value, "runs": [0, 1]}, "<u>mine</u>", "", [], request())
    kept = services.studio.item(1)
    assert kept.version == 3 and kept.fields["caption_global"] == "<u>mine</u>" and masks.area(kept.fields["mask"]) == 1


def test_taking_theirs_opens_what_is_stored(tab: dict, services: Services) -> None:
    value = desk(tab["on_open"](None))
    services.studio.save("bob", 1, 1, {"caption_global": "bob's"}, "key-bob-1")
    page = shown(tab["on_theirs"](value))
    assert page["broad"] == "bob's" and page["editor"]["value"]["version"] == 2


def test_keeping_mine_after_a_third_change_is_a_conflict_again(tab: dict, services: Services) -> None:
    value = desk(tab["on_open"](None))
    services.studio.save("bob", 1, 1, {"caption_global": "b"}, "key-bob-1")
    compared = shown(tab["on_save"](value, "mine", "", [], request()))["compared"]
    services.studio.save("cid", 1, 2, {"caption_global": "c"}, "key-cid-1")
    assert shown(tab["on_mine"](compared, value, "mine", "", [], request()))["compared"] == 3
    assert services.studio.item(1).fields["caption_global"] == "c"


def test_skip_previous_and_undo_lead_back(tab: dict, services: Services) -> None:
    updates = tab["on_skip"](desk(tab["on_open"](None)), "other", request())
    assert desk(updates)["item"] == 2 and services.studio.item(1).state == "skipped"
    assert desk(tab["on_previous"](request()))["item"] == 1
    assert desk(tab["on_undo"](request()))["item"] == 1 and services.studio.item(1).state == "draft"


def test_when_all_is_done_the_page_says_what_to_do(tab: dict, services: Services) -> None:
    for item in (1, 2):
        services.studio.skip("bob", item, 1, "other", f"key-skip-{item}")
    page = shown(tab["on_open"](None))
    assert page["done"]["visible"] and not page["work"]["visible"] and page["editor"]["value"] is None


@pytest.mark.parametrize(
    "value",
    [None, "x", [], {}, {"item": "1"}, {"item": 1},
     {"item": 10**30, "version": 1, "key": "k" * 8, "size": [7, 5], "runs": []},
     {"item": 1, "version": 1, "key": "k" * 8, "size": [7, 5], "runs": [99, 1]},
     {"item": 1, "version": 1, "key": ["k"] * 8, "size": [7, 5], "runs": []}],
)  # fmt: skip
def test_a_forged_value_is_one_warning_and_changes_nothing(
    tab: dict, services: Services, warnings: list[str], value: object
) -> None:
    tab["on_save"](value, "x", "", [], request())
    tab["on_skip"](value, None, request())
    assert len(warnings) == 2 and not any("went wrong" in text for text in warnings)
    assert services.studio.item(1).version == 1


@pytest.mark.parametrize("who", [foreign(), request(client="8.8.8.8")])
def test_nobody_else_writes(tab: dict, services: Services, warnings: list[str], who: object) -> None:
    value = desk(tab["on_open"](None))
    tab["on_save"](value, "x", "", [], who)
    tab["on_mine"](1, value, "x", "", [], who)
    tab["on_skip"](value, "other", who)
    tab["on_undo"](who)
    assert len(warnings) == 4 and services.studio.item(1).version == 1
