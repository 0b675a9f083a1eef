"""Detect: small targets of one infrared image as a mask, a table and two downloads."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from core.errors import InputError
from core.palettes import colorize, draw_boxes, overlay
from core.thermal import ThermalImage
from ui import images, theme
from ui.events import CHEAP, MODEL, guarded
from ui.services import Services

NUMBERED = 40  # targets framed and numbered in the picture; the mask and the table show all
HEADERS = ["#", "Centre x", "Centre y", "Area (px)", "Score", "Where"]
EMPTY = theme.empty("No image yet", "Drop an infrared image or pick an example: its small targets are marked here.")


@dataclass(frozen=True, eq=False)
class Found:
    """What the model said about one image; every redraw starts from it."""

    image: ThermalImage
    probability: np.ndarray  # float32 (H, W) in [0, 1]


def draw(found: Found, palette: str, threshold: float) -> tuple[str, str, list[list[Any]], str, str]:
    """(picture file, summary, table rows, mask file, table file) at a threshold. No model runs."""
    from core.lgnet.predictor import segment

    result = segment(found.probability, threshold)
    stem = Path(found.image.name).stem
    picture = overlay(images.enlarged(colorize(found.image.view8(), palette)), images.enlarged(result.mask))
    scale = picture.shape[1] / found.image.width
    boxes, labels = [], []
    for number, target in enumerate(result.targets[:NUMBERED], 1):
        x, y = ((value + 0.5) * scale for value in target.centroid_xy)
        reach = max(14.0, (target.area_px**0.5 / 2 + 3) * scale)
        boxes.append((x - reach, y - reach, x + reach, y + reach))
        labels.append(str(number))
    picture = draw_boxes(picture, boxes, labels)
    rows = [
        [number, round(target.centroid_xy[0], 1), round(target.centroid_xy[1], 1), target.area_px,
         round(target.score, 3), target.region]
        for number, target in enumerate(result.targets, 1)
    ]  # fmt: skip
    targets = [asdict(target) for target in result.targets]
    table = {"image": found.image.name, "threshold": threshold, "targets": targets}
    count = len(rows)
    summary = f"**{count} target{'s' * (count != 1)}** at threshold {threshold:.2f}"
    if not count:
        summary += ". Lower the threshold to see fainter ones."
    return (
        images.png_file(picture, f"{stem}_targets.png"),
        summary,
        rows,
        images.png_file(result.mask, f"{stem}_mask.png"),
        images.download(json.dumps(table, indent=2).encode(), f"{stem}_targets.json"),
    )


def build(services: Services) -> None:
    """The tab's components and events."""
    found = gr.State(None, time_to_live=3600)
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            upload = images.drop_zone()
            strip = images.example_strip()
            text = gr.Textbox(
                label="What are you looking for? (optional)",
                placeholder="e.g. a small bright drone above trees",
                max_length=300,
            )
            with gr.Row():
                again = gr.Button("Run again", interactive=False, size="md")
                stop = gr.Button("Cancel", variant="stop", visible=False, size="md")
        with gr.Column(scale=3, min_width=320):
            blank = gr.HTML(EMPTY)
            with gr.Column(visible=False) as results:
                facts = gr.HTML()
                picture = images.picture()
                with gr.Row():
                    threshold = gr.Slider(0.05, 0.95, 0.5, step=0.05, label="Threshold", min_width=260)
                    palette = images.palette_choice()
                summary = gr.Markdown()
                table = gr.Dataframe(headers=HEADERS, interactive=False, show_label=False, max_height=280)
                with gr.Row():
                    mask_file = gr.DownloadButton("Mask (PNG)", size="md")
                    table_file = gr.DownloadButton("Table (JSON)", size="md")

    drawn = [picture, summary, table, mask_file, table_file]
    shown = [found, blank, results, facts, again, stop, *drawn]

    def run(image: ThermalImage, text: str, palette: str, threshold: float, progress: gr.Progress) -> Iterator[tuple]:
        plain = images.png_file(images.enlarged(colorize(image.view8(), palette)), f"{Path(image.name).stem}.png")
        wait = "Looking for targets… the first image also loads the model."
        yield (
            None, gr.update(visible=False), gr.update(visible=True), images.facts(image), gr.update(interactive=False),
            gr.update(visible=True), plain, wait, [], None, None,
        )  # fmt: skip
        try:
            progress(0.1, desc="Loading the model")
            model = services.segmenter()
            progress(0.4, desc="Looking for targets")
            result = Found(image, model.probability(image, text.strip()))
            progress(0.9, desc="Drawing")
            drawn = draw(result, palette, threshold)
        except Exception:
            failed = "No result: see the message, then run again."
            yield (*[gr.skip()] * 5, gr.update(visible=False), gr.skip(), failed, *[gr.skip()] * 3)
            raise
        yield (
            result, gr.skip(), gr.skip(), gr.skip(), gr.update(interactive=True), gr.update(visible=False), *drawn,
        )  # fmt: skip

    @guarded
    def on_upload(path: str | None, text: str, palette: str, threshold: float, progress=gr.Progress()):  # noqa: B008
        yield from run(images.uploaded(path), text, palette, threshold, progress)

    @guarded
    def on_example(text: str, palette: str, threshold: float, event: gr.SelectData, progress=gr.Progress()):  # noqa: B008
        yield from run(images.uploaded(str(images.picked(event))), text, palette, threshold, progress)

    @guarded
    def on_again(found: Found | None, text: str, palette: str, threshold: float, progress=gr.Progress()):  # noqa: B008
        if found is None:
            raise InputError("There is no image yet: drop one or pick an example first.")
        yield from run(found.image, text, palette, threshold, progress)

    @guarded
    def on_redraw(found: Found | None, palette: str, threshold: float):
        return gr.skip() if found is None else draw(found, palette, threshold)

    look: dict[str, Any] = {"outputs": shown, "show_progress": "full", "show_progress_on": [picture], **MODEL}
    runs: list[Any] = [
        upload.upload(on_upload, [upload, text, palette, threshold], **look),
        strip.select(on_example, [text, palette, threshold], **look),
        gr.on([again.click, text.submit], on_again, [found, text, palette, threshold], **look),
    ]
    upload.upload(**images.READY_AGAIN, outputs=upload)
    stop.click(lambda: ("Cancelled.", gr.update(visible=False)), None, [summary, stop], cancels=runs, **CHEAP)
    gr.on(
        [threshold.input, threshold.release, palette.input],
        on_redraw,
        [found, palette, threshold],
        drawn,
        trigger_mode="always_last",
        show_progress="hidden",
        **CHEAP,
    )
