from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from tests.ui import fakes, pages
from ui import chat, images


@pytest.fixture
def model() -> fakes.FakeChat:
    return fakes.FakeChat()


@pytest.fixture
def calls(tmp_path: Path, model: fakes.FakeChat) -> dict:
    return pages.handlers(chat, pages.fake_services(tmp_path, chat=lambda: model))


def begin(calls: dict) -> chat.Talk:
    return calls["on_upload"](str(images.examples()[0]), "ironbow")[0]


def test_an_answer_streams_and_its_boxes_and_points_are_drawn(calls: dict) -> None:
    talk = begin(calls)
    updates = list(calls["answer"]("What is it?", talk, [], "white-hot"))
    assert "<" not in updates[-1][0][-1]["content"]
    texts = [messages[-1]["content"] for messages, *_ in updates]
    assert texts[1].startswith("You asked: What is it?") and len(updates) >= 3
    assert updates[-1][0][0] == {"role": "user", "content": "What is it?"}
    assert talk.marks == [(80.0, 64.0, 160.0, 192.0), (156.0, 124.0, 164.0, 132.0)]
    with Image.open(updates[-1][2]) as picture:
        assert picture.getpixel((240, 300)) == (0x22, 0xD3, 0xEE)


def test_a_follow_up_reuses_the_session_of_the_image(calls: dict, model: fakes.FakeChat) -> None:
    talk = begin(calls)
    first = pages.last(calls["answer"]("One?", talk, [], "ironbow"))[0]
    second = pages.last(calls["answer"]("Two?", talk, first, "ironbow"))[0]
    assert len(second) == 4 and model.sessions == 1


def test_stopping_frees_the_model_at_once(calls: dict, model: fakes.FakeChat) -> None:
    running = calls["answer"]("Describe it.", begin(calls), [], "ironbow")
    next(running), next(running)
    assert model.busy.locked()
    running.close()  # what Gradio does with a cancelled event
    assert not model.busy.locked()


def test_clearing_starts_a_new_session_on_the_same_image(calls: dict, model: fakes.FakeChat) -> None:
    talk = begin(calls)
    list(calls["answer"]("One?", talk, [], "ironbow"))
    fresh, messages, _ = calls["on_clear"](talk, "ironbow")
    assert messages == [] and fresh.image is talk.image and fresh.session is None and fresh.marks == []
    list(calls["answer"]("One?", fresh, [], "ironbow"))
    assert model.sessions == 2


def test_a_question_without_an_image_says_what_to_do(calls: dict) -> None:
    with pytest.warns(UserWarning, match="no image yet"):
        assert list(calls["answer"]("What?", None, [], "ironbow")) == [gr.skip()]
    with pytest.warns(UserWarning, match="Type a question"):
        list(calls["answer"]("  ", begin(calls), [], "ironbow"))


def test_a_failing_model_ends_the_waiting_state(tmp_path: Path) -> None:
    def broken():
        raise RuntimeError("no memory")

    calls = pages.handlers(chat, pages.fake_services(tmp_path, chat=broken))
    with pytest.warns(UserWarning, match="could not finish"):
        *_, shown, _ = calls["answer"]("What?", begin(calls), [], "ironbow")
    assert shown[0][-1]["content"] == "No answer: see the message." and shown[3] == gr.update(interactive=False)


def test_every_task_has_a_button(tmp_path: Path) -> None:
    with gr.Blocks() as page:
        chat.build(pages.fake_services(tmp_path))
    labels = {block.value for block in page.blocks.values() if isinstance(block, gr.Button)}
    assert len(chat.TASK_PROMPTS) == 9 and {chat.task_title(task) for task in chat.TASK_PROMPTS} <= labels
