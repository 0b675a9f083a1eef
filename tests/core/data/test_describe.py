import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.chatting import Reply, Server, Turn
from core.data import describe
from core.data.describe import carried, lifted, prompt_hash, write
from core.data.records import Record
from tests.core.chat_server import SENTENCE, ChatServer, chat_server  # noqa: F401


class Says:
    """A talker that answers from a list, one answer a question, the last one for ever."""

    name = "toy"

    def __init__(self, *answers: str):
        self.answers, self.asked = list(answers), list[str]()

    def ask(self, turns: Sequence[Turn]) -> Reply:
        self.asked.append(turns[-1].text)
        return Reply(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0], 100, 10)


def pair(folder: Path, number: int) -> Record:
    """A registered pair of 60 x 40 images under `folder`."""
    for name in ("infrared", "visible"):
        Image.fromarray(np.full((40, 60), 30 * number, np.uint8)).save(folder / f"{name}{number}.png")
    return Record(f"made/{number}", folder / f"infrared{number}.png", "made", "ours", f"made/{number}", "train", 60, 40,
                  scene={"objects": "unlabelled"}, visible=folder / f"visible{number}.png")  # fmt: skip


def test_what_a_server_says_becomes_a_caption_with_its_origin(chat_server: ChatServer, tmp_path: Path) -> None:  # noqa: F811
    (row,) = write([pair(tmp_path, 1)], Server(chat_server.url, "looker"), tmp_path, tmp_path / "out.jsonl")
    assert row["caption_global"] == "An infrared thermal image of a street with two parked cars on the left."
    assert row["caption_fine"].startswith("Thermal infrared image of a scene")
    assert (row["route"], row["maker"], row["prompt_hash"]) == ("visible partner", "looker", prompt_hash())
    assert (row["tokens_in"], row["tokens_out"], row["state"], row["licence"]) == (321, 14, "draft", "ours")


def test_an_interrupted_run_goes_on_and_asks_for_nothing_twice(tmp_path: Path) -> None:
    records, out = [pair(tmp_path, number) for number in range(4)], tmp_path / "out.jsonl"
    running = write(records, Says(SENTENCE), tmp_path, out)
    before = [next(running), next(running)]
    running.close()
    with out.open("a") as file:
        file.write('{"id": "made/2", "maker": "to')  # killed in the middle of a line
    second = Says(SENTENCE)
    rows = list(write(records, second, tmp_path, out))
    assert rows[:2] == before and len(second.asked) == 2
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == [record.id for record in records]
    assert all((tmp_path / row["image"]).is_file() for row in rows)


def test_a_sentence_with_a_forbidden_word_is_asked_for_again_and_then_left_out(tmp_path: Path) -> None:
    mended = Says("A street with a red car.", SENTENCE)
    (row,) = write([pair(tmp_path, 1)], mended, tmp_path, tmp_path / "a.jsonl")
    assert "caption_global" in row and row["tokens_in"] == 200 and "colour word 'red'" in mended.asked[1]
    (row,) = write([pair(tmp_path, 1)], Says("A warm street."), tmp_path, tmp_path / "b.jsonl")
    assert row["rejected"] == ["global: heat word 'warm'"] and not (tmp_path / "b.jsonl").read_text()
    assert json.loads((tmp_path / "b.rejected.jsonl").read_text())["tokens_out"] == 30


def test_an_unreadable_partner_is_rejected_and_stops_nothing(tmp_path: Path) -> None:
    records = [pair(tmp_path, 1), pair(tmp_path, 2)]
    (tmp_path / "visible1.png").write_bytes(b"no image")
    first, second = write(records, Says(SENTENCE), tmp_path, tmp_path / "out.jsonl")
    assert "can't be read" in first["rejected"][0] and "caption_global" in second


def test_dark_pictures_are_lifted_and_bright_ones_stay() -> None:
    dark, bright = (Image.new("RGB", (8, 8), (level,) * 3) for level in (20, 150))
    assert abs(lifted(dark).getpixel((0, 0))[0] - describe.LIFTED) < 3  # type: ignore[index]
    assert lifted(bright) is bright
    assert lifted(Image.new("RGB", (8, 8))).getpixel((0, 0)) == (0, 0, 0)


@pytest.mark.parametrize(("said", "told"), [
    ("The image depicts a road.", "An infrared thermal image of a road."),
    ("A busy road, at dusk", "An infrared thermal image of a busy road, at dusk."),
    ('"A photo of **two** people"', "An infrared thermal image of two people."),
    ("UAV view of a field.", "An infrared thermal image of UAV view of a field."),
])  # fmt: skip
def test_a_sentence_is_carried_over(said: str, told: str) -> None:
    assert carried(said) == told
