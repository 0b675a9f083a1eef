import json

import numpy as np
import pytest

from core.chatting import Reply
from core.errors import InputError
from core.langir.describe import Describer, within_limit
from core.langir.layout import read_origins
from core.langir.prompts import EXAMPLES, QUESTION, WORD_LIMIT, prompt
from core.langir.rules import describe_mask
from core.langir.words import place_counts
from core.thermal import from_array
from tests.commands import run_command
from tests.core.chat_server import chat_server  # noqa: F401
from tests.core.langir.test_layout import folder

IMAGE = from_array(np.arange(48, dtype=np.float32).reshape(6, 8), name="scene.png")


class FakeModel:
    """Answers with a fixed text and keeps what it was asked."""

    name = "a fake"

    def __init__(self, text="A small target lies in the lower right."):
        self.text, self.asked = text, []

    def ask(self, turns):
        self.asked.append(turns)
        return Reply(self.text, 0, 0)


def test_the_three_styles_ask_what_the_paper_specifies():
    (zero,) = prompt("zero-shot", IMAGE)
    assert (zero.role, zero.text) == ("user", QUESTION) and np.array_equal(np.asarray(zero.picture), IMAGE.view8())
    (few,) = prompt("few-shot", IMAGE)
    assert all(example in few.text for example in EXAMPLES)
    shown = prompt("few-shot", IMAGE, ((IMAGE, "It is in the center."),))
    assert [t.role for t in shown] == ["user", "assistant", "user"] and shown[1].text == "It is in the center."
    role, task = prompt("system", IMAGE)
    assert role.role == "system" and "expert" in role.text
    assert f"{WORD_LIMIT} words" in task.text and "target" in task.text and "targets" not in task.text


def test_a_description_records_its_origin_and_style():
    said = Describer(FakeModel(), "system").describe(IMAGE)
    assert (said.text, said.origin, said.style) == ("A small target lies in the lower right.", "a fake", "system")
    with pytest.raises(InputError, match="no prompt style"):
        Describer(FakeModel(), "poem")
    with pytest.raises(InputError, match="said nothing about scene"):
        Describer(FakeModel("  \n")).describe(IMAGE)


def test_long_answers_are_cut_at_a_sentence_within_the_limit_of_the_system_style_only():
    long = "It is upper left. " + "Then many words follow " * 20 + "."
    assert Describer(FakeModel(long), "system").describe(IMAGE).text == "It is upper left."
    assert len(Describer(FakeModel(long), "zero-shot").describe(IMAGE).text.split()) > WORD_LIMIT
    assert len(within_limit("word " * 80).split()) == WORD_LIMIT


def test_rules_say_presence_region_and_scene():
    mask = np.zeros((90, 90), bool)
    assert describe_mask(mask).text == "There is no small target in the infrared image."
    mask[5:7, 5:7] = True
    said = describe_mask(mask, "A photo of a sky target in the sky and tree background")
    assert said.text == (
        "One small target lies in the upper left of the infrared image. The background is sky and tree."
    )
    assert (said.origin, said.style) == ("rules", "presence, region, scene")
    mask[8, 12] = mask[85, 45] = True
    assert describe_mask(mask).text == (
        "Three small targets lie in the infrared image: two in the upper left, one in the lower center."
    )


def test_the_commands_describe_a_folder_and_count_its_words(tmp_path):
    root = folder(tmp_path / "set")
    (root / "trainval.txt").write_text("Misc_1\nMisc_2\n")
    (root / "test.txt").write_text("Misc_10\n")
    missing = run_command("core.langir.words", "--data", root)
    assert missing.code == 2 and "no descriptions yet" in missing.err
    assert run_command("core.langir.describe", "--data", root, "--limit", 2).code == 0
    result = run_command("core.langir.describe", "--data", root, "--json", tmp_path / "out.json")
    assert result.code == 0 and json.loads((tmp_path / "out.json").read_text())["written"] == 1
    assert {d.origin for d in read_origins(root).values()} == {"rules"}
    assert run_command("core.langir.words", "--data", root, "--json", tmp_path / "words.json").code == 0
    counts = json.loads((tmp_path / "words.json").read_text())
    assert set(counts) == {"trainval", "test"} and set(counts["test"]) == {"left", "right", "center", "lower", "upper"}
    wrong = run_command("core.langir.describe", "--data", root, "--by", "magic")
    assert wrong.code == 2 and "--by is" in wrong.err


def test_a_folder_is_described_by_a_server(tmp_path, chat_server):  # noqa: F811
    root = folder(tmp_path / "set")
    assert run_command("core.langir.describe", "--data", root, "--by", chat_server.url).code == 2  # which model?
    result = run_command(
        "core.langir.describe", "--data", root, "--by", chat_server.url, "--model", "vlm", "--limit", 1
    )
    assert result.code == 0, result.err
    said = read_origins(root)["Misc_1"]
    assert (said.origin, said.style) == ("vlm", "system")
    assert [turn["role"] for turn in chat_server.seen[0]["messages"]] == ["system", "user"]


def test_places_are_counted_as_whole_words_in_both_spellings():
    assert place_counts(["Upper left, near the centre.", "The leftover is bright; LEFT."]) == {
        "left": 2, "right": 0, "center": 1, "lower": 0, "upper": 1,
    }  # fmt: skip
