"""Chat: questions about one infrared image, answered as a stream; boxes of an answer are drawn on the image."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.errors import InputError
from core.irgpt.answers import parse_answer
from core.irgpt.prompts import TASK_PROMPTS
from core.palettes import colorize, draw_boxes
from core.thermal import ThermalImage
from ui import images, theme
from ui.entering import on_enter
from ui.events import CHEAP, MODEL, guarded
from ui.services import Services

if TYPE_CHECKING:
    from core.irgpt.predictor import ChatSession

MAX_QUESTION = 500  # characters
EMPTY = theme.empty("No image yet", "Drop an infrared image or pick an example, then ask about it.")
POINT = 4.0  # pixels: half the side of the square that marks a point
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels
Messages = list[dict[str, Any]]


@dataclass(eq=False)
class Talk:
    """One image and what is said about it. The session is opened by the first question and reused by the next ones."""

    image: ThermalImage
    session: "ChatSession | None" = None
    marks: list[Box] = field(default_factory=list)  # boxes and points of the last answer


def readable(text: str) -> str:
    """An answer without the markup that `parse_answer` reads."""
    return re.sub(r"</?(box|pos|num|ref)>", "", text).strip()


def spoken(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def task_title(task: str) -> str:
    return {"reid": "Re-identification"}.get(task, task.replace("_", " ").capitalize())


def draw(talk: Talk, palette: str) -> str:
    """PNG file of the image with the boxes and points of the last answer."""
    picture = images.enlarged(colorize(talk.image.view8(), palette))
    scale = picture.shape[1] / talk.image.width
    boxes = [tuple(value * scale for value in box) for box in talk.marks]
    labels = [str(number) for number in range(1, len(boxes) + 1)]
    return images.png_file(draw_boxes(picture, boxes, labels), f"{Path(talk.image.name).stem}_chat.png")


def build(services: Services) -> None:
    """The tab's components and events."""
    talk = gr.State(None, time_to_live=1800)
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            blank = gr.HTML(EMPTY)
            with gr.Column(visible=False) as seen:
                facts = gr.HTML()
                picture = images.picture()
                palette = images.palette_choice()
            with gr.Accordion("Choose an image", open=True) as chooser:
                upload = images.drop_zone()
                strip = images.example_strip()
        with gr.Column(scale=3, min_width=320):
            messages = gr.Chatbot(
                show_label=False,
                height=430,
                layout="bubble",
                placeholder="**Ask about the image**\n\nPick a task below or type a question.",
                buttons=["copy"],
                feedback_options=None,
                render_markdown=False,
                allow_tags=False,
                elem_id="chat-messages",
            )
            with gr.Row(elem_classes="tasks"):
                tasks = {gr.Button(task_title(t), size="sm", interactive=False): TASK_PROMPTS[t] for t in TASK_PROMPTS}
            question = gr.Textbox(
                show_label=False,
                placeholder="Ask about the image…",
                max_length=MAX_QUESTION,
                max_lines=4,
                submit_btn="Ask",
                elem_id="chat-question",
            )
            with gr.Row():
                stop = gr.Button("Stop", variant="stop", interactive=False, size="md")
                clear = gr.Button("Clear chat", size="md")

    opened = [talk, messages, blank, seen, chooser, picture, facts, *tasks]
    answered = [messages, question, picture, stop]

    def start(image: ThermalImage, palette: str) -> tuple:
        begun = Talk(image)
        visible = gr.update(visible=False), gr.update(visible=True), gr.update(open=False, label="Choose another image")
        shown = draw(begun, palette), images.facts(image)
        return begun, [], *visible, *shown, *[gr.update(interactive=True)] * len(tasks)

    @guarded
    def on_upload(path: str | None, palette: str):
        return start(images.uploaded(path), palette)

    @guarded
    def on_example(palette: str, event: gr.SelectData):
        return start(images.uploaded(str(images.picked(event))), palette)

    def answer(question: str, talk: Talk | None, messages: Messages, palette: str) -> Iterator[tuple]:
        question = question.strip()
        if talk is None:
            raise InputError("There is no image yet: drop one or pick an example, then ask.")
        if not question:
            raise InputError("Type a question or press one of the task buttons first.")
        said = [*messages, {"role": "user", "content": question}]
        wait = "…" if talk.session else "Reading the image… the first question also loads the model."
        yield [*said, spoken(wait)], "", gr.skip(), gr.update(interactive=True)
        text = ""
        try:
            if talk.session is None:
                talk.session = services.chat().session(talk.image)
            # Stop closes this generator, and that closes the model's: it is free within one token.
            with closing(talk.session.ask(question)) as pieces:
                for piece in pieces:
                    text += piece
                    yield [*said, spoken(readable(text))], gr.skip(), gr.skip(), gr.skip()
        except Exception:
            yield [*said, spoken("No answer: see the message.")], gr.skip(), gr.skip(), gr.update(interactive=False)
            raise
        parsed = parse_answer(text, *talk.image.size)
        points = [(x - POINT, y - POINT, x + POINT, y + POINT) for x, y in parsed.points]
        talk.marks = [*parsed.boxes, *points]
        final = spoken(readable(text) or "The model gave no answer.")
        yield [*said, final], gr.skip(), draw(talk, palette), gr.update(interactive=False)

    @guarded
    def on_clear(talk: Talk | None, palette: str):
        if talk is None:
            return None, [], gr.skip()
        fresh = replace(talk, session=None, marks=[])
        return fresh, [], draw(fresh, palette)

    @guarded
    def on_palette(talk: Talk | None, palette: str):
        return gr.skip() if talk is None else draw(talk, palette)

    @guarded
    def warm():
        services.chat()

    on_enter(warm, None, None)  # loading takes longer than choosing an image
    look: dict[str, Any] = {"outputs": answered, "show_progress": "hidden", **MODEL}
    runs: list[Any] = [question.submit(guarded(answer), [question, talk, messages, palette], **look)]
    for button, prompt in tasks.items():
        runs.append(button.click(guarded(partial(answer, prompt)), [talk, messages, palette], **look))
    # what is being said about the image before ends with it
    begin: dict[str, Any] = {"outputs": opened, "cancels": runs, "show_progress_on": [picture], **CHEAP}
    begun = [upload.upload(on_upload, [upload, palette], **begin), strip.select(on_example, palette, **begin)]
    upload.upload(**images.READY_AGAIN, outputs=upload)
    stop.click(lambda: gr.update(interactive=False), None, stop, cancels=runs, **CHEAP)
    cleared: dict[str, Any] = {"outputs": [talk, messages, picture], "cancels": runs, **CHEAP}
    begun.append(gr.on([clear.click, messages.clear], on_clear, [talk, palette], **cleared))
    for event in begun:  # a piece that was under way when the answer was cancelled comes after the first emptying
        event.success(lambda: ([], gr.update(interactive=False)), None, [messages, stop], **CHEAP)
    palette.input(on_palette, [talk, palette], picture, trigger_mode="always_last", show_progress="hidden", **CHEAP)
