import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import sheet
from core.data.conversations import conversation, write_lines
from core.errors import InputError


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Thirty questions of two tasks and ten captions on one gray image, in data/ and built/."""
    for folder in ("data", "built"):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.full((50, 80), 90, np.uint8)).save(tmp_path / "data" / "a.png")
    asked = [conversation(f"q{i}", "a.png", ("scene", "grounding")[i < 4], "Where?", "<box>[[9, 9, 30, 20]]</box>")
             for i in range(30)]  # fmt: skip
    write_lines(tmp_path / "built" / "instruction.jsonl", asked[::2])
    write_lines(tmp_path / "built" / "benchmark.jsonl", asked[1::2])
    told = [
        {"image": "a.png", "id": f"c{i}", "caption_global": "An image.", "caption_fine": "x " * 90} for i in range(10)
    ]
    write_lines(tmp_path / "built" / "train.captions.jsonl", told)
    return tmp_path


def test_questions_are_drawn_equally_over_tasks_and_repeat_with_the_seed(built: Path) -> None:
    drawn = sheet.drawn_questions(built / "built", 20, 5)
    assert Counter(row["task"] for row in drawn) == {"grounding": 4, "scene": 16}
    assert drawn == sheet.drawn_questions(built / "built", 20, 5) != sheet.drawn_questions(built / "built", 20, 6)


def test_the_command_writes_sheets_with_the_answer_in_the_image(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = ["--built", str(built / "built"), "--data", str(built / "data"), "--out", str(built / "out")]
    counts = ["--questions", "8", "--captions", "3", "--json", str(built / "r.json")]
    monkeypatch.setattr(sys, "argv", ["sheet", *told, *counts])
    sheet.main()
    result = json.loads((built / "r.json").read_text())
    assert result["sheets"] == ["questions01.png", "questions02.png", "captions01.png"]
    assert len(result["questions"]) == 8 and len(result["captions"]) == 3
    pixels = np.asarray(Image.open(built / "out" / "questions01.png"))
    assert (pixels[: sheet.HEIGHT, : sheet.WIDTH] == sheet.RED).all(-1).sum() > 100


def test_a_folder_without_a_build_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"core\.data\.build"):
        sheet.drawn_questions(tmp_path, 1, 0)
    with pytest.raises(InputError, match=r"core\.data\.build"):
        sheet.drawn_captions(tmp_path, 1, 0)
