import json

import pytest

from core.errors import InputError
from core.lgnet.ablation import markdown, table


def run(root, name, seed, iou, test_iou=None, **row):
    folder = root / name
    folder.mkdir()
    best = {"step": 10, "iou": iou, "niou": 0.5, "pd": 0.9, "fa": 1e-5}
    (folder / "metrics.json").write_text(json.dumps({"seed": seed, "descriptor": "bundled/tclip", "best": best, **row}))
    (folder / "config.json").write_text(json.dumps({"architecture": "lgnet"}))
    if test_iou:
        (folder / "sirst.json").write_text(json.dumps({"iou": test_iou, "fa": 4e-6, "fa_published": 3e-6}))
    return folder


def test_seeds_of_a_row_are_averaged_and_rows_stay_apart(tmp_path):
    runs = [
        run(tmp_path, "a0", 0, 0.6, 0.70, language="never"),
        run(tmp_path, "a1", 1, 0.8, 0.74, language="never"),
        run(tmp_path, "b0", 0, 0.5),
    ]
    never, training = table(runs)
    assert never["seeds"] == [0, 1] and never["language"] == "never" and training["language"] == "training"
    assert never["figures"]["validation"]["iou"]["mean"] == pytest.approx(0.7)
    assert never["figures"]["sirst"]["iou"] == {
        "mean": pytest.approx(0.72), "sd": pytest.approx(0.0283, abs=1e-4), "n": 2,
    }  # fmt: skip
    text = markdown([never, training])
    assert "0.720 ± 0.028" in text and "| 4.0 ± 0.0 |" in text and "**sirst**" in text and "80.4" in text
    assert "| 0.500 |" in text  # one seed, no spread


def test_a_run_without_a_descriptor_has_no_language(tmp_path):
    (row,) = table([run(tmp_path, "a0", 0, 0.6, descriptor="none")])
    assert row["language"] == "-"


def test_a_run_that_is_not_finished_is_named(tmp_path):
    (tmp_path / "half").mkdir()
    with pytest.raises(InputError, match="half holds no finished run"):
        table([tmp_path / "half"])


def test_a_folder_of_evaluations_alone_is_a_method_without_training(tmp_path):
    (tmp_path / "top-hat").mkdir()
    (tmp_path / "top-hat" / "sirst.json").write_text(json.dumps({"iou": 0.53, "fa": 2e-4, "fa_published": 2e-4}))
    text = markdown(table([run(tmp_path, "a0", 0, 0.6, 0.7), tmp_path / "top-hat"]))
    assert "| top-hat | - | - | - | - | - | 1 | 0.530 | - | - | 200.0 |" in text
