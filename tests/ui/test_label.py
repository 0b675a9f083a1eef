"""What the Label tab's script may ask for, called without a browser."""

import io
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from core.thermal import read_thermal
from labeling import masks
from labeling.items import NewItem
from labeling.studio import Filter, Studio
from tests.ui.callers import foreign, request
from tests.ui.fakes import FakeIndex
from tests.ui.pages import fake_services
from ui import access, label
from ui.editor import wording
from ui.editor.desk import Desk
from ui.editor.models import Models
from ui.editor.pictures import unpack

KEY = "key-of-a-save"


class FakeModels(Models):
    make_index = staticmethod(FakeIndex)


def desk(studio: Studio) -> Desk:
    return Desk(studio, FakeModels(studio, fake_services(Path(), studio=studio)))


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
    functions = {function.__name__: function for function in desk(studio).functions()}
    return lambda name, who=None, /, **payload: json.loads(json.dumps(functions[name](payload, who or request())))


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
    for function in desk(studio).functions():
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


@pytest.fixture
def apart(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> int:
    """A project where two people answer apart: an item with two answers that differ in their mask."""
    project = studio.team.create_project("local", "apart", answers=2)
    studio.import_items([image(3)], project=project.id)
    (item,) = studio.find(Filter(), project.id).items
    for user, start in (("ann", 0), ("bob", 30)):
        fields = {"mask": {"size": [7, 5], "runs": [start, 2]}, "caption_global": "a sky"}
        studio.save(user, item.id, 1, fields, f"key-of-{user}")
    return item.id


def test_a_reviewer_sees_answers_side_by_side_and_what_they_save_is_the_decision(
    ask: Callable, studio: Studio, apart: int
) -> None:
    answer = ask("next_review", project=2)
    item = answer["item"]
    assert item["id"] == apart and [one["user"] for one in item["answers"]] == ["ann", "bob"]
    assert item["agreement"] == {"mask": 0.0, "caption_global": 1.0} and answer["progress"]["review"] == 1
    assert item["apart"] > 4 and ask("heartbeat", item=apart) == {}
    payload = saving(ask, apart, fields={"mask": {"size": [7, 5], "runs": [0, 2]}})
    ask("save", **payload)
    decided = studio.item(apart)
    assert (decided.state, decided.user, decided.fields["mask"]["runs"]) == ("refined", "local", [0, 2])
    again = {**saving(ask, apart, fields={"mask": {"size": [7, 5], "runs": [30, 2]}}), "key": "another-key"}
    ask("save", **again)  # a decision can be mended
    assert studio.item(apart).fields["mask"]["runs"] == [30, 2]
    assert "Nothing left to review" in ask("next_review", project=2)["nothing"]


def test_a_reviewer_can_decide_that_an_item_is_skipped(ask: Callable, studio: Studio, apart: int) -> None:
    ask("skip", **saving(ask, apart, reason="damaged image"))
    assert studio.item(apart).state == "skipped"
    assert "say why" in ask("skip", **saving(ask, apart, reason="no such reason"))["error"]


def test_other_peoples_answers_are_not_shown_to_refiners(
    ask: Callable, studio: Studio, apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "writer", lambda _: "cid")
    item = ask("open_item", item=apart)["item"]
    assert "answers" not in item and "mask" not in item["fields"] and "ann" not in ask("history", item=apart)["html"]
    assert "reviewers" in ask("next_review", project=2)["error"]


def test_a_test_item_looks_like_any_other_and_its_answers_are_measured(
    ask: Callable, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"caption_global": "the truth"}
    assert "version" in ask("make_gold", **saving(ask, fields=known))
    monkeypatch.setattr(access, "writer", lambda _: "cid")
    item = ask("next_item")["item"]
    assert (item["id"], item["state"], item["fields"]["caption_global"]) == (1, "draft", "draft 1")
    ask("save", **{**saving(ask, fields={"caption_global": "the lie"}), "key": "key-of-cid"})
    assert "0.50 on 1" in ask("overview")["html"]
    assert "you are a refiner" in ask("make_gold", **saving(ask, fields=known))["error"]


def test_a_bulk_action_is_shown_done_and_taken_back(ask: Callable, studio: Studio) -> None:
    assert "Change all 2" in ask("find")["html"]
    wanted = {"what": "add the tag", "value": "<b>", "text": "draft"}
    assert "2 items change" in ask("bulk_preview", **wanted)["html"]
    assert "changed since the preview" in ask("bulk_apply", **wanted, expected=1)["error"]
    html = ask("bulk_apply", **wanted, expected=2)["html"]
    assert "2 items changed" in html and "<b>" not in html and studio.item(1).fields["tags"] == ["<b>"]
    batch = html.split("&quot;batch&quot;: &quot;")[1].split("&")[0]
    assert "Taken back on 2" in ask("bulk_undo", batch=batch)["html"] and "tags" not in studio.item(1).fields
    assert "error" in ask("bulk_preview", what="no such action") and "error" in ask("bulk_preview", what="add the tag")
    ask("bulk_apply", what="set the priority", value="-3", text="2", expected=1)
    assert studio.item(2).priority == -3


def test_owners_give_roles_make_projects_and_take_back_a_persons_work(ask: Callable, studio: Studio) -> None:
    assert (
        "reviewer" in ask("set_role", person=" ann ", role="reviewer")["html"] and studio.team.role("ann") == "reviewer"
    )
    assert "error" in ask("set_role", person="", role="owner") and "error" in ask("set_role", person="x", role="king")
    made = ask("new_project", name="Sea, night", answers="2", field_mask="on", review="on", instructions="only ships")
    assert [project["name"] for project in made["projects"]] == ["Infrared images", "Sea, night"]
    assert studio.projects()[1].fields == ("mask",) and studio.projects()[1].review
    assert "error" in ask("new_project", name="x", answers="many", field_mask="on")
    studio.save("bob", 1, 1, {"caption_global": "spam"}, "key-of-bob")
    assert "1 saves of bob" in ask("undo_all", person="bob")["html"]
    assert studio.item(1).fields["caption_global"] == "draft 1"


def test_an_earlier_version_is_put_back_as_a_new_one(ask: Callable, studio: Studio) -> None:
    studio.save("ann", 1, 1, {"caption_global": "first"}, "key-of-ann")
    studio.save("bob", 1, 2, {"caption_global": "second"}, "key-of-bob")
    answer = ask("restore", item=1, to=2, version=3, key="key-to-restore")
    assert answer["reopen"] == 1 and studio.item(1).fields["caption_global"] == "first"
    assert studio.item(1).version == 4 and "error" in ask("restore", item=1, to="2", version=4, key="key-too-late")


def test_models_suggest_and_their_verdict_is_counted(ask: Callable, studio: Studio) -> None:
    opened = ask("open_item", item=1)["item"]
    suggestions = ask("suggest", item=1, sha256=opened["sha256"])["suggestions"]
    values = {one["field"]: one["value"] for one in suggestions}
    assert {"mask", "boxes", "caption_global"} <= values.keys() and "<box>" not in values["caption_global"]
    truth = read_thermal(studio.image(studio.item(1)), "x.png").pixels
    assert np.array_equal(masks.decode(values["mask"], 7, 5), truth - truth.min() > np.ptp(truth) / 2)
    ask("save", **saving(ask, fields=values))
    table = ask("overview")["html"]
    assert "What became of the models" in table and "1.00" in table
    assert "items change" in ask("bulk_preview", what="let people's difference from models set the order")["html"]


def test_look_alikes_are_found_among_the_images_of_the_project(ask: Callable, studio: Studio) -> None:
    html = ask("alike", item=1)["html"]
    assert "Compared with 2 images" in html and 'data-open="2"' in html and 'data-open="1"' not in html


def test_models_that_are_busy_refuse_instead_of_taking_the_servers_threads(studio: Studio) -> None:
    models = Models(studio, fake_services(Path(), studio=studio))
    models._turn.acquire()
    waiting = [threading.Thread(target=models.suggest, args=(1,)) for _ in range(4)]
    for thread in waiting:
        thread.start()
    while models._line._value:
        time.sleep(0.01)
    with pytest.raises(InputError, match="busy"):
        models.suggest(1)
    assert studio.save("ann", 2, 1, {"caption_fine": "saved meanwhile"}, "key-of-ann").version == 2
    models._turn.release()
    for thread in waiting:
        thread.join(30)
    assert studio.item(1).version == 1
