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
        [str(path) for path in paths], "our camera", "CC0", "Refined", who or request(), gr.Progress()
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
    page, _, blank, table, newer, older = tab["on_which"]("To do")
    assert len(table["value"]) == 2 and older["interactive"] and not newer["interactive"] and not blank["visible"]
    page, _, _, rest, newer, older = tab["on_older"]("To do", page)
    assert len(rest["value"]) == 1 and newer["interactive"] and not older["interactive"]
    assert not {row[0] for row in rest["value"]} & {row[0] for row in table["value"]}
    assert tab["on_newer"]("To do", page)[3]["value"] == table["value"]
    assert tab["on_which"]("Refined")[2]["visible"]


def test_an_export_is_a_revision_that_can_be_read_and_downloaded(tab: dict, services: Services, tmp_path: Path) -> None:
    bring(tab, [EXAMPLES / "sky_1.png"])
    services.studio.save("ann", 1, 0, {"mask": {"size": [320, 256], "runs": [5, 1]}}, "key-0001")
    *_, tag = tab["on_open"]("Refined", 0)
    assert tag == "v1"
    card, use, archive, following = tab["on_export"](tag, request(), gr.Progress())
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
    tab["on_export"](tag, request(), gr.Progress())
    assert len(warnings) == 1 and "tag" in warnings[0]
    assert not (tmp_path / "exports").exists() and not (tmp_path / "x").exists()


def test_exporting_nothing_says_what_to_do(tab: dict, warnings: list[str]) -> None:
    tab["on_export"]("v1", request(), gr.Progress())
    assert len(warnings) == 1 and "Label tab" in warnings[0]


def test_nobody_else_imports_or_exports(tab: dict, services: Services, warnings: list[str], tmp_path: Path) -> None:
    bring(tab, [EXAMPLES / "sky_1.png"], foreign())
    tab["on_export"]("v1", foreign(), gr.Progress())
    assert len(warnings) == 2 and services.studio.progress().total == 0 and not (tmp_path / "exports").exists()


def test_choosing_no_file_says_so(tab: dict, warnings: list[str]) -> None:
    tab["on_import"](None, "", "", "Refined", request(), gr.Progress())
    assert warnings and "Choose" in warnings[0]
