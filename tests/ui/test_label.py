"""What the Label tab's script may ask for, called without a browser."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from core.thermal import read_thermal
from labeling.items import NewItem
from labeling.studio import Studio
from tests.ui.callers import foreign, request
from tests.ui.pages import fake_services
from ui import label
from ui.editor import wording
from ui.editor.desk import Desk
from ui.editor.pictures import unpack

KEY = "key-of-a-save"


def image(seed: int) -> NewItem:
    pixels = np.random.default_rng(seed).integers(7000, 9000, (5, 7), dtype=np.uint16)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return NewItem(out.getvalue(), f"<img src=x>{seed}.png", "test", "CC0", drafts={"caption_global": f"draft {seed}"})


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.delenv("SPACE_ID", raising=False)
    studio = Studio(
        f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "store", lambda data, name: read_thermal(data, name).size
    )
    studio.import_items([image(1), image(2)])
    return studio


@pytest.fixture
def ask(studio: Studio) -> Callable[..., dict[str, Any]]:
    """ask(name, who=request, **payload): the answer, as JSON would carry it."""
    functions = {function.__name__: function for function in Desk(studio).functions()}
    return lambda name, who=None, **payload: json.loads(json.dumps(functions[name](payload, who or request())))


def test_the_tab_builds_and_offers_its_functions_to_the_page(studio: Studio, tmp_path: Path) -> None:
    with gr.Blocks() as page:
        label.build(fake_services(tmp_path, studio=studio))
    (editor,) = (block for block in page.blocks.values() if isinstance(block, gr.HTML))
    names = {function.__name__ for function in editor.server_fns}
    assert {"hello", "next_item", "open_item", "save", "skip", "undo_save", "find", "history", "overview"} <= names


def test_the_next_item_comes_with_its_draft_and_its_exact_values(ask: Callable, studio: Studio) -> None:
    answer = ask("next_item")
    item = answer["item"]
    assert (item["id"], item["version"], item["offered"]["caption_global"]) == (1, 1, "draft 1")
    truth = read_thermal(studio.image(studio.item(1)), "x.png").pixels
    assert np.array_equal(unpack(answer["picture"]), truth)
    assert ask("next_item", after=1)["item"]["id"] == 2


def saving(ask: Callable, item: int = 1, **more: Any) -> dict[str, Any]:
    opened = ask("open_item", item=item)["item"]
    return {"item": item, "sha256": opened["sha256"], "version": opened["version"], "key": KEY, **more}


def test_a_save_sent_twice_counts_once(ask: Callable, studio: Studio) -> None:
    fields = {"caption_global": "new", "mask": {"size": [7, 5], "runs": [3, 2]}}
    payload = saving(ask, fields=fields)
    assert ask("save", **payload)["version"] == ask("save", **payload)["version"] == 2
    assert studio.item(1).fields == fields and studio.item(1).version == 2


def test_a_stale_save_brings_back_theirs_and_writes_nothing(ask: Callable, studio: Studio) -> None:
    studio.save("ann", 1, 1, {"caption_global": "first"}, "key-of-ann")
    payload = saving(ask, fields={"caption_global": "mine"})
    studio.save("bob", 1, 2, {"caption_global": "bob's"}, "key-of-bob")
    answer = ask("save", **payload)
    assert answer["theirs"]["fields"]["caption_global"] == "bob's" and "bob changed this item" in answer["error"]
    assert studio.item(1).fields["caption_global"] == "bob's"


def test_work_on_an_image_of_another_database_is_refused(ask: Callable, studio: Studio) -> None:
    answer = ask("save", **{**saving(ask, fields={}), "sha256": "0" * 64})
    assert "another image" in answer["error"] and studio.item(1).version == 1


def test_skip_back_and_undo_lead_back(ask: Callable, studio: Studio) -> None:
    assert "version" in ask("skip", **saving(ask, reason="other"))
    assert studio.item(1).state == "skipped" and ask("last_item")["item"]["id"] == 1
    assert ask("undo_save")["item"]["id"] == 1 and studio.item(1).state == "draft"


def test_when_all_is_done_the_page_says_what_to_do(ask: Callable, studio: Studio) -> None:
    for item in (1, 2):
        studio.skip("local", item, 1, "other", f"key-skip-{item}")
    answer = ask("next_item")
    assert answer["item"] is None and "Import images" in answer["nothing"]


@pytest.mark.parametrize("name", ["save", "skip", "undo_save", "last_item", "undo_edit"])
@pytest.mark.parametrize("who", [foreign(), request(client="8.8.8.8")])
def test_nobody_else_writes(ask: Callable, studio: Studio, name: str, who: object) -> None:
    payload = saving(ask, fields={"caption_global": "x"}, reason="other")
    answer = ask(name, who, **payload)
    assert answer.keys() == {"error"} and studio.item(1).version == 1
    assert ask("open_item", who, item=1)["item"]["id"] == 1  # looking is open to all


@pytest.mark.parametrize("payload", [None, "x", [], 7, {"item": "1"}, {"item": 10**30}, {"item": 1, "sha256": ["x"]}])
def test_forged_payloads_are_one_sentence_and_change_nothing(studio: Studio, payload: Any) -> None:
    for function in Desk(studio).functions():
        answer = function(payload, request())
        assert "again" not in answer, (function.__name__, answer)
    assert studio.item(1).version == 1


def test_panels_escape_what_people_wrote_and_take_back_saves(ask: Callable, studio: Studio) -> None:
    studio.save("local", 1, 1, {"caption_global": "<script>x</script>"}, KEY)
    for html in (ask("find", text="draft 2")["html"], ask("history", item=1)["html"], ask("overview")["html"]):
        assert "<script" not in html and "<img" not in html
    assert (
        "&lt;script&gt;" in ask("history", item=1)["html"] and 'data-open="1"' in ask("find", state="refined")["html"]
    )
    assert "taken back" in ask("undo_edit", item=1, edit=KEY)["html"]
    assert studio.item(1).fields["caption_global"] == "draft 1"
    assert "No item fits" in ask("find", text="zebra")["html"]
    assert "A date is written" in ask("find", since="yesterday")["error"]


def test_hints_count_tokens_and_name_slips_and_claims_that_no_pixel_shows() -> None:
    found = wording.hints(
        {"caption_global": "An infared frame of a warm car", "questions": [{"question": "A bycicle?"}]}
    )
    assert found["caption_global"]["tokens"] == 11 and found["caption_global"]["limit"] == 77
    notes = " ".join(found["caption_global"]["notes"])
    assert "did you mean infrared?" in notes and "'warm' tells of heat" in notes
    assert found["questions"]["notes"] == ["bycicle: did you mean bicycle?"]
    assert wording.hints({"caption_fine": "A warm car"}, radiometric=True)["caption_fine"]["notes"] == []
    assert wording.hints({"caption_fine": 7, "questions": "x"}) == {}
