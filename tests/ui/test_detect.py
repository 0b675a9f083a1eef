import json
import zipfile
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from core.palettes import png_bytes
from tests.ui import fakes, pages
from ui import detect, detect_views, images
from ui.detect_views import Drawn, Found, draw


def found(image=None, **more) -> Found:
    image = image or fakes.scene()
    return Found(image, fakes.FakeSegmenter().probability(image), **more)


def drawn(update) -> Drawn:
    """What a run or a new ground truth leaves in the result's components."""
    return Drawn(*update[-len(Drawn._fields) :])


def saved(path: Path, pixels: np.ndarray) -> str:
    path.write_bytes(png_bytes(pixels))
    return str(path)


def test_the_mask_download_is_exact_at_the_size_of_the_image() -> None:
    result = found()
    with Image.open(draw(result, "ironbow", 0.5).mask_file) as picture:
        mask = np.asarray(picture)
    assert mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 255}
    assert np.array_equal(mask == 255, result.probability > 0.5)


def test_the_table_lists_the_target_and_so_does_its_download() -> None:
    result = draw(found(), "inferno", 0.5)
    table = json.loads(Path(result.table_file).read_text())
    assert result.rows == [[1, 20.0, 10.0, 9, 1.0, "upper left"]]
    assert "1 target" in result.summary and table["image"] == "scene.png" and table["threshold"] == 0.5
    assert table["targets"] == [{"centroid_xy": [20.0, 10.0], "area_px": 9, "score": 1.0, "region": "upper left"}]


def test_without_a_target_the_summary_says_what_to_try() -> None:
    flat = fakes.from_array(np.full((8, 8), 5.0), name="flat.png")
    result = draw(found(flat), "ironbow", 0.5)
    assert result.rows == [] and result.zooms == [] and "Lower the threshold" in result.summary


def test_the_picture_keeps_the_target_visible_inside_its_outline() -> None:
    with Image.open(draw(found(), "white-hot", 0.5).picture) as shown:
        scale = shown.width // 64
        inside = shown.getpixel((20 * scale + scale // 2, 10 * scale + scale // 2))
        frame = shown.getpixel((18 * scale + scale - 1, 10 * scale))
    assert sum(inside) > 400 and frame == (0x22, 0xD3, 0xEE)


def test_a_target_is_zoomed_on_pixel_by_pixel_even_in_a_corner() -> None:
    result = draw(found(), "white-hot", 0.5)
    ((path, caption),) = result.zooms
    assert caption == "1 · 9 px · 1.00"
    with Image.open(path) as zoom:
        assert zoom.size == (256, 256) and sum(zoom.getpixel((128 + 4, 128 + 4))) > 400
    corner = detect_views.zoomed(np.full((5, 5, 3), 9, np.uint8), (0.0, 0.0))
    assert corner.shape == (256, 256, 3) and corner[0, 0].sum() == 0 and corner[130, 130].sum() == 27


def test_an_upload_runs_the_model_once_and_a_redraw_never(tmp_path: Path) -> None:
    segmenter = fakes.FakeSegmenter()
    calls = pages.handlers(detect, pages.fake_services(tmp_path, segmenter=lambda: segmenter))
    upload = saved(tmp_path / "upload.png", fakes.scene().pixels.astype(np.uint16))
    kept, *_ = pages.last(calls["on_upload"](upload, "  ", "ironbow", 0.5))
    assert segmenter.runs == [""] and kept.without_words is None
    loose, strict = (calls["on_redraw"](kept, "inferno", threshold) for threshold in (0.1, 0.9))
    assert loose.mask_file and strict.mask_file and segmenter.runs == [""]
    assert calls["on_redraw"](None, "inferno", 0.5) == gr.skip()


def test_words_are_compared_with_the_answer_without_them_which_runs_once(tmp_path: Path) -> None:
    class Listening(fakes.FakeSegmenter):
        def probability(self, image, text=""):
            return super().probability(image, text) * (0.4 if text == "nothing" else 1)

    segmenter = Listening()
    calls = pages.handlers(detect, pages.fake_services(tmp_path, segmenter=lambda: segmenter))
    upload = saved(tmp_path / "upload.png", fakes.scene().pixels.astype(np.uint16))
    update = pages.last(calls["on_upload"](upload, " nothing ", "ironbow", 0.5))
    assert segmenter.runs == ["", "nothing"]
    assert "added 0 px and removed 9 px" in drawn(update).summary and "without your words" in drawn(update).pair_note
    update = pages.last(calls["on_again"](update[0], "a drone", "ironbow", 0.5))
    assert segmenter.runs == ["", "nothing", "a drone"] and "changed no pixel" in drawn(update).summary
    update = pages.last(calls["on_again"](update[0], "", "ironbow", 0.5))
    assert segmenter.runs[3:] == [] and "Your words" not in drawn(update).summary


def test_a_ground_truth_gives_figures_and_stays_until_it_is_cleared(tmp_path: Path) -> None:
    calls = pages.handlers(detect, pages.fake_services(tmp_path))
    truth = np.zeros((48, 64), np.uint8)
    truth[9:12, 19:22] = truth[40, 60] = 255
    path = saved(tmp_path / "truth.png", truth)
    update = calls["on_truth"](path, found(), "ironbow", 0.5)
    assert "IoU **0.900**, **1 of 2** targets found, 0 px of false alarms" in drawn(update).summary
    assert "ground truth" in drawn(update).pair_note
    update = pages.last(calls["on_again"](update[0], "", "ironbow", 0.5))
    assert "1 of 2" in drawn(update).summary
    assert "IoU" not in drawn(calls["on_truth"](None, update[0], "ironbow", 0.5)).summary
    small = saved(tmp_path / "small.png", truth[:9])
    for mask, state, says in ((small, found(), "64 × 9 px, the image 64 × 48 px"), (path, None, "no image yet")):
        with pytest.warns(UserWarning, match=says):
            calls["on_truth"](mask, state, "ironbow", 0.5)


def test_many_images_give_one_archive_and_name_what_cannot_be_read(tmp_path: Path, hostile: dict[str, Path]) -> None:
    calls = pages.handlers(detect, pages.fake_services(tmp_path))
    pixels = fakes.scene().pixels.astype(np.uint16)
    paths = [saved(tmp_path / name, pixels) for name in ("a.png", "b.png")]
    summary, rows, archive = calls["on_many"]([*paths, str(hostile["text.png"])], "", 0.5)
    assert "**2 images**" in summary and "skipped: 'text.png'" in summary
    assert rows["value"] == [["a.png", 1, 9, 1.0], ["b.png", 1, 9, 1.0]]
    with zipfile.ZipFile(archive["value"]) as packed:
        assert packed.namelist() == ["001_a_mask.png", "002_b_mask.png", "targets.csv"]
        assert packed.read("targets.csv").decode().splitlines()[1].startswith("a.png,1,20.0,10.0,9,")
    for wrong, says in ((None, "no image yet"), ([str(hostile["text.png"])], "text.png"), (paths * 101, "more than")):
        with pytest.warns(UserWarning, match=says):
            calls["on_many"](wrong, "", 0.5)


def test_hostile_uploads_give_one_message_each(tmp_path: Path, hostile: dict[str, Path]) -> None:
    calls = pages.handlers(detect, pages.fake_services(tmp_path))
    for path in hostile.values():
        with pytest.warns(UserWarning) as messages:
            assert list(calls["on_upload"](str(path), "", "ironbow", 0.5)) == [gr.skip()]
        assert len([m for m in messages if m.category is UserWarning]) == 1


def test_a_failing_model_ends_the_waiting_state(tmp_path: Path) -> None:
    def broken():
        raise RuntimeError("no memory")

    calls = pages.handlers(detect, pages.fake_services(tmp_path, segmenter=broken))
    with pytest.warns(UserWarning, match="could not finish"):
        updates = list(calls["on_upload"](str(images.examples()[0]), "", "ironbow", 0.5))
    assert "No result" in drawn(updates[-2]).summary and updates[-2][5] == gr.update(visible=False)
