import hashlib
import zipfile
from pathlib import Path

import gradio as gr
import pytest

from core.data.revisions import read_revision
from core.thermal import read_thermal
from labeling.studio import Studio
from tests.ui.callers import foreign, request
from tests.ui.pages import fake_services, handlers
from ui import data
from ui.images import EXAMPLES
from ui.services import Services


@pytest.fixture
def services(tmp_path: Path) -> Services:
    studio = Studio(
        f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "store", lambda data, name: read_thermal(data, name).size
    )
    return fake_services(tmp_path, studio=studio)


@pytest.fixture
def tab(services: Services, monkeypatch: pytest.MonkeyPatch) -> dict:
    monkeypatch.delenv("SPACE_ID", raising=False)
    return handlers(data, services)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda text, **_: said.append(text))
    return said


def bring(tab: dict, paths: list[Path], who: object = None) -> str:
    updates = tab["on_import"](
        [str(path) for path in paths], "our camera", "CC0", None, who or request(), gr.Progress()
    )
    return updates[0] if isinstance(updates, tuple) else ""


def test_imported_images_wait_in_the_queue_with_their_source(tab: dict, services: Services) -> None:
    said = bring(tab, [EXAMPLES / "sky_1.png", EXAMPLES / "sea_4.png", EXAMPLES / "sky_1.png"])
    assert "2 added" in said and "1 there already" in said
    item = services.studio.next_item()
    assert (item.source, item.licence, item.name) == ("our camera", "CC0", "sky_1.png")


def test_every_hostile_file_is_refused_with_its_reason_and_the_good_one_comes_in(
    tab: dict, services: Services, hostile: dict[str, Path]
) -> None:
    files = [path for path in hostile.values() if path.is_file()]
    said = bring(tab, [*files, EXAMPLES / "sky_1.png"])
    assert "1 added" in said and said.count("<li>") == len(files) and "Traceback" not in said
    assert services.studio.progress().total == 1


def test_the_lists_are_paged_and_count_everything(
    tab: dict, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "PAGE", 2)
    bring(tab, sorted(EXAMPLES.glob("*.png"))[:3])
    page, _, blank, table, newer, older = tab["on_which"]("To do", None)
    assert len(table["value"]) == 2 and older["interactive"] and not newer["interactive"] and not blank["visible"]
    page, _, _, rest, newer, older = tab["on_older"]("To do", page, None)
    assert len(rest["value"]) == 1 and newer["interactive"] and not older["interactive"]
    assert not {row[0] for row in rest["value"]} & {row[0] for row in table["value"]}
    assert tab["on_newer"]("To do", page, None)[3]["value"] == table["value"]
    assert tab["on_which"]("Refined", None)[2]["visible"]


def test_an_export_is_a_revision_that_can_be_read_and_downloaded(tab: dict, services: Services, tmp_path: Path) -> None:
    bring(tab, [EXAMPLES / "sky_1.png"])
    services.studio.save("ann", 1, 0, {"mask": {"size": [320, 256], "runs": [5, 1]}}, "key-0001")
    *_, tag = tab["on_open"]("Refined", 0, None)
    assert tag == "v1"
    card, use, archive, following = tab["on_export"](tag, None, request(), gr.Progress())
    revision = read_revision(tmp_path / "exports" / "v1")
    assert revision.revision in card and following == "v2" and "load_dataset" in use["value"]
    with zipfile.ZipFile(archive["value"]) as packed:
        table = packed.read("v1/data/masks/train.parquet")
    assert (
        hashlib.sha256(table).digest()
        == hashlib.sha256((tmp_path / "exports/v1/data/masks/train.parquet").read_bytes()).digest()
    )


@pytest.mark.parametrize("tag", ["", ".", "..", "../../x", "a/b", "<b>"])
def test_a_bad_tag_writes_nothing(tab: dict, services: Services, warnings: list[str], tmp_path: Path, tag: str) -> None:
    bring(tab, [EXAMPLES / "sky_1.png"])
    services.studio.save("ann", 1, 0, {"mask": {"size": [320, 256], "runs": []}}, "key-0001")
    tab["on_export"](tag, None, request(), gr.Progress())
    assert len(warnings) == 1 and "tag" in warnings[0]
    assert not (tmp_path / "exports").exists() and not (tmp_path / "x").exists()


def test_exporting_nothing_says_what_to_do(tab: dict, warnings: list[str]) -> None:
    tab["on_export"]("v1", None, request(), gr.Progress())
    assert len(warnings) == 1 and "Label tab" in warnings[0]


def test_nobody_else_imports_or_exports(tab: dict, services: Services, warnings: list[str], tmp_path: Path) -> None:
    bring(tab, [EXAMPLES / "sky_1.png"], foreign())
    tab["on_export"]("v1", None, foreign(), gr.Progress())
    assert len(warnings) == 2 and services.studio.progress().total == 0 and not (tmp_path / "exports").exists()


def test_choosing_no_file_says_so(tab: dict, warnings: list[str]) -> None:
    tab["on_import"](None, "", "", None, request(), gr.Progress())
    assert warnings and "Choose" in warnings[0]


def test_json_lines_bring_drafts_for_the_images_that_come_with_them(
    tab: dict, services: Services, tmp_path: Path
) -> None:
    lines = tmp_path / "about.jsonl"
    lines.write_text('{"image": "sea_4.png", "caption_global": "a sea", "licence": "MIT"}\n')
    assert "2 added" in bring(tab, [EXAMPLES / "sky_1.png", lines, EXAMPLES / "sea_4.png"])
    sea, sky = services.studio.item(1), services.studio.item(2)
    assert (sea.licence, sea.fields, sky.licence, sky.fields) == ("MIT", {"caption_global": "a sea"}, "CC0", {})


def test_each_project_has_its_own_lists(tab: dict, services: Services) -> None:
    project = services.studio.team.create_project("local", "sea")
    tab["on_import"]([str(EXAMPLES / "sea_4.png")], "", "", project.id, request(), gr.Progress())
    chooser, *rest = tab["on_open"]("To do", 0, None)
    assert chooser["visible"] and not rest[3]["visible"] and tab["on_which"]("To do", project.id)[3]["visible"]


def test_the_models_propose_for_the_queue_until_every_open_image_has_proposals(tab: dict, services: Services) -> None:
    bring(tab, sorted(EXAMPLES.glob("*.png"))[:2])
    assert "1 images" in tab["on_ask"](1, None, request(), gr.Progress())
    assert "1 images" in tab["on_ask"](9, None, request(), gr.Progress())
    assert "already" in tab["on_ask"](9, None, request(), gr.Progress())
    assert {one.field for one in services.studio.open("local", 1).suggestions} >= {"mask", "caption_global"}


def test_only_owners_import_and_only_reviewers_export(
    tab: dict, services: Services, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.access.writer", lambda _: "ann")
    bring(tab, [EXAMPLES / "sky_1.png"])
    tab["on_export"]("v1", None, request(), gr.Progress())
    tab["on_ask"](1, None, request(), gr.Progress())
    assert len(warnings) == 3 and all("you are a refiner" in said for said in warnings)
    assert services.studio.progress().total == 0
