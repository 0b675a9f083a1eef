"""Detect: small targets of infrared images as masks, tables and downloads; one image closely, or many at once."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import gradio as gr

from core.errors import InputError
from core.palettes import colorize, png_bytes
from core.thermal import ThermalImage, read_thermal
from ui import images, theme
from ui.detect_views import Drawn, Found, draw, truth_mask
from ui.events import CHEAP, MODEL, guarded
from ui.services import Services

MANY = 200  # images in one batch
HEADERS = ["#", "Centre x", "Centre y", "Area (px)", "Score", "Where"]
MANY_HEADERS = ["Image", "Targets", "Area (px)", "Best score"]
EMPTY = theme.empty("No image yet", "Drop an infrared image or pick an example: its small targets are marked here.")


def batch(paths: list[str], text: str, threshold: float, services: Services, progress: gr.Progress) -> tuple:
    """(summary, table rows, ZIP of masks and table) of many images; what can't be read is named, the rest goes on."""
    from core.lgnet.predictor import segment
    from core.lgnet.segment import write_table

    if len(paths) > MANY:
        raise InputError(f"{len(paths)} images are more than {MANY} at once: give fewer, or use core.lgnet.segment.")
    progress(0, desc="Loading the model")
    model = services.segmenter()
    rows: list[list[Any]] = []
    records, problems, packed = [], [], io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, path in enumerate(paths, 1):
            progress((number - 1, len(paths)), desc="Looking for targets", unit="images")
            try:
                image = read_thermal(path)
            except InputError as error:
                problems.append(str(error))
                continue
            found = segment(model.probability(image, text.strip()), threshold)
            mask = f"{number:03}_{Path(image.name).stem}_mask.png"
            archive.writestr(mask, png_bytes(found.mask))
            records.append({"image": image.name, "targets": [asdict(t) for t in found.targets], "mask": mask})
            best = max((t.score for t in found.targets), default=0.0)
            rows.append([image.name, len(found.targets), int(found.mask.sum()), round(best, 3)])
        table = io.StringIO()
        write_table(table, records)
        archive.writestr("targets.csv", table.getvalue())
    if not records:
        raise InputError(problems[0])
    targets = sum(int(row[1]) for row in rows)
    summary = f"**{len(records)} images** at threshold {threshold:.2f}, {targets} targets."
    skipped = "".join(f"\n- skipped: {problem}" for problem in problems)
    return summary + skipped, rows, images.download(packed.getvalue(), "masks.zip")


def build(services: Services) -> None:
    """The tab's components and events."""
    found = gr.State(None, time_to_live=3600)
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            upload = images.drop_zone()
            strip = images.example_strip()
            text = gr.Textbox(
                label="What are you looking for? (optional)",
                info="Your words guide the mask; Side by side shows what they change.",
                placeholder="e.g. a small bright drone above trees",
                max_length=300,
            )
            with gr.Row():
                again = gr.Button("Run again", interactive=False, size="md")
                stop = gr.Button("Cancel", variant="stop", visible=False, size="md")
            with gr.Accordion("Compare with a ground truth", open=False):
                truth = gr.File(label="Mask of the image (white targets on black)", file_types=images.FILE_TYPES,
                                height=132, elem_id="detect-truth")  # fmt: skip
            with gr.Accordion("Many images at once", open=False):
                many = gr.File(label=f"Up to {MANY} images", file_count="multiple", file_types=images.FILE_TYPES,
                               height=132, elem_id="detect-files")  # fmt: skip
                many_run = gr.Button("Mask them all", size="md")
                many_summary = gr.Markdown(elem_id="detect-many")
                many_table = gr.Dataframe(headers=MANY_HEADERS, interactive=False, show_label=False, visible=False,
                                          max_height=280)  # fmt: skip
                many_file = gr.DownloadButton("Masks and table (ZIP)", size="md", visible=False)
        with gr.Column(scale=3, min_width=320):
            blank = gr.HTML(EMPTY)
            with gr.Column(visible=False) as results:
                facts = gr.HTML()
                with gr.Tabs():
                    with gr.Tab("Targets"):
                        picture = images.picture()
                    with gr.Tab("Side by side"):
                        pair_note = gr.Markdown()
                        pair = gr.ImageSlider(format="png", type="filepath", interactive=False, show_label=False,
                                              buttons=["fullscreen"], max_height=900,
                                              elem_id="detect-pair")  # fmt: skip
                    with gr.Tab("Zoom"):
                        zooms = gr.Gallery(format="png", columns=4, height="auto", object_fit="contain",
                                           interactive=False, show_label=False, buttons=[],
                                           elem_classes="results", elem_id="detect-zooms")  # fmt: skip
                with gr.Row():
                    threshold = gr.Slider(0.05, 0.95, 0.5, step=0.05, label="Threshold", min_width=260)
                    palette = images.palette_choice()
                summary = gr.Markdown()
                table = gr.Dataframe(headers=HEADERS, interactive=False, show_label=False, max_height=280)
                with gr.Row():
                    mask_file = gr.DownloadButton("Mask (PNG)", size="md")
                    table_file = gr.DownloadButton("Table (JSON)", size="md")

    drawn = [picture, summary, table, mask_file, table_file, pair, pair_note, zooms]  # as the fields of Drawn
    shown = [found, blank, results, facts, again, stop, truth, *drawn]

    def run(
        image: ThermalImage, text: str, palette: str, threshold: float, progress: gr.Progress, before: Found | None
    ) -> Iterator[tuple]:
        """`before` is the last result of the same image: its truth stays, and what needs no words is not run again."""
        plain = images.png_file(images.enlarged(colorize(image.view8(), palette)), f"{Path(image.name).stem}.png")
        wait = "Looking for targets… the first image also loads the model."
        waiting = Drawn(plain, wait, [], None, None, (plain, plain), "", [])  # type: ignore[arg-type]
        yield (
            None, gr.update(visible=False), gr.update(visible=True), images.facts(image), gr.update(interactive=False),
            gr.update(visible=True), gr.skip() if before else None, *waiting,
        )  # fmt: skip
        try:
            progress(0.1, desc="Loading the model")
            model = services.segmenter()
            progress(0.3, desc="Looking for targets")
            alone = None
            if before is not None:
                alone = before.probability if before.without_words is None else before.without_words
            if alone is None:
                alone = model.probability(image, "")
            if words := text.strip():
                progress(0.6, desc="Looking again with your words")
                result = Found(image, model.probability(image, words), alone)
            else:
                result = Found(image, alone)
            result = replace(result, truth=before.truth if before else None)
            progress(0.9, desc="Drawing")
            final = draw(result, palette, threshold)
        except Exception:
            failed = Drawn(*[gr.skip()] * len(drawn))._replace(summary="No result: see the message, then run again.")
            yield (*[gr.skip()] * 5, gr.update(visible=False), gr.skip(), *failed)
            raise
        yield (
            result, gr.skip(), gr.skip(), gr.skip(), gr.update(interactive=True), gr.update(visible=False), gr.skip(),
            *final,
        )  # fmt: skip

    @guarded
    def on_upload(path: str | None, text: str, palette: str, threshold: float, progress=gr.Progress()):  # noqa: B008
        yield from run(images.uploaded(path), text, palette, threshold, progress, None)

    @guarded
    def on_example(text: str, palette: str, threshold: float, event: gr.SelectData, progress=gr.Progress()):  # noqa: B008
        yield from run(images.uploaded(str(images.picked(event))), text, palette, threshold, progress, None)

    @guarded
    def on_again(found: Found | None, text: str, palette: str, threshold: float, progress=gr.Progress()):  # noqa: B008
        if found is None:
            raise InputError("There is no image yet: drop one or pick an example first.")
        yield from run(found.image, text, palette, threshold, progress, found)

    @guarded
    def on_redraw(found: Found | None, palette: str, threshold: float):
        return gr.skip() if found is None else draw(found, palette, threshold)

    @guarded
    def on_truth(path: str | None, found: Found | None, palette: str, threshold: float):
        if found is None:
            if path:
                raise InputError("There is no image yet: drop one or pick an example, then its ground truth.")
            return gr.skip()
        found = replace(found, truth=truth_mask(path, found.image) if path else None)
        return found, *draw(found, palette, threshold)

    @guarded
    def on_many(paths: list[str] | None, text: str, threshold: float, progress=gr.Progress()):  # noqa: B008
        if not paths:
            raise InputError("There is no image yet: drop some on the area above.")
        summary, rows, archive = batch(paths, text, threshold, services, progress)
        return summary, gr.update(value=rows, visible=True), gr.update(value=archive, visible=True)

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
    gr.on([truth.upload, truth.clear], on_truth, [truth, found, palette, threshold], [found, *drawn], **CHEAP)
    many_run.click(on_many, [many, text, threshold], [many_summary, many_table, many_file],
                   show_progress_on=[many_summary], **MODEL)  # fmt: skip
