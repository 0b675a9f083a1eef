import json
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from core.palettes import png_bytes
from tests.ui import fakes, pages
from ui import detect, images


def found(image=None) -> detect.Found:
    image = image or fakes.scene()
    return detect.Found(image, fakes.FakeSegmenter().probability(image))


def test_the_mask_download_is_exact_at_the_size_of_the_image() -> None:
    result = found()
    *_, mask_file, _ = detect.draw(result, "ironbow", 0.5)
    with Image.open(mask_file) as picture:
        mask = np.asarray(picture)
    assert mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 255}
    assert np.array_equal(mask == 255, result.probability > 0.5)


def test_the_table_lists_the_target_and_so_does_its_download() -> None:
    _, summary, rows, _, table_file = detect.draw(found(), "inferno", 0.5)
    table = json.loads(Path(table_file).read_text())
    assert rows == [[1, 20.0, 10.0, 9, 1.0, "upper left"]]
    assert "1 target" in summary and table["image"] == "scene.png" and table["threshold"] == 0.5
    assert table["targets"] == [{"centroid_xy": [20.0, 10.0], "area_px": 9, "score": 1.0, "region": "upper left"}]


def test_without_a_target_the_summary_says_what_to_try() -> None:
    flat = fakes.from_array(np.full((8, 8), 5.0), name="flat.png")
    _, summary, rows, *_ = detect.draw(found(flat), "ironbow", 0.5)
    assert rows == [] and "Lower the threshold" in summary


def test_the_picture_keeps_the_target_visible_inside_its_outline() -> None:
    picture, *_ = detect.draw(found(), "white-hot", 0.5)
    with Image.open(picture) as shown:
        scale = shown.width // 64
        inside = shown.getpixel((20 * scale + scale // 2, 10 * scale + scale // 2))
        frame = shown.getpixel((18 * scale + scale - 1, 10 * scale))
    assert sum(inside) > 400 and frame == (0x22, 0xD3, 0xEE)


def test_an_upload_runs_the_model_once_and_a_redraw_never(tmp_path: Path) -> None:
    segmenter = fakes.FakeSegmenter()
    calls = pages.handlers(detect, pages.fake_services(tmp_path, segmenter=lambda: segmenter))
    upload = tmp_path / "upload.png"
    upload.write_bytes(png_bytes(fakes.scene().pixels.astype(np.uint16)))
    kept, *_ = pages.last(calls["on_upload"](str(upload), " a drone ", "ironbow", 0.5))
    assert segmenter.runs == ["a drone"]
    loose, strict = (calls["on_redraw"](kept, "inferno", threshold) for threshold in (0.1, 0.9))
    assert loose[3] != "" and strict[3] != "" and segmenter.runs == ["a drone"]
    assert calls["on_redraw"](None, "inferno", 0.5) == gr.skip()


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
    assert "No result" in updates[-2][7] and updates[-2][5] == gr.update(visible=False)
