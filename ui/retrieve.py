"""Retrieve: thermal images by sentence or by image, ranked with scores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from core.errors import InputError
from core.thermal import ThermalImage, read_thermal
from ui import access, images, theme
from ui.entering import on_enter
from ui.events import CHEAP, MODEL, guarded
from ui.library import Library
from ui.services import Services

SHOWN = 60  # images in the gallery before a search
EMPTY = theme.empty("The gallery is empty", "Add an infrared image below, then search for it by words or by image.")
Ranked = list[tuple[Path, float | None]]


def build(services: Services) -> None:
    """The tab's components and events."""
    library = Library(services.data / "gallery", services.index)

    def everything() -> Ranked:
        return [(path, None) for path in library.paths()[:SHOWN]]

    def pictures(ranked: Ranked, palette: str) -> list[tuple[str, str]]:
        return [
            (
                images.thumbnail(path, palette, 320),
                library.title(path) if score is None else f"{score:.3f} · {library.title(path)}",
            )
            for path, score in ranked
        ]

    def summary_of(count: int) -> str:
        return f"**{count} images in the gallery.** Describe what you are looking for, or give an image to match."

    ranked = gr.State([], time_to_live=3600)  # what the gallery shows; empty: everything
    chosen = gr.State(None, time_to_live=3600)
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            text = gr.Textbox(
                label="Describe the scene",
                placeholder="e.g. people walking on a road at night",
                max_length=300,
                submit_btn="Search",
                elem_id="retrieve-text",
            )
            query = images.drop_zone("Or find images like this one")
            top = gr.Slider(1, 48, 12, step=1, label="Results")
            palette = images.palette_choice()
            stop = gr.Button("Cancel", variant="stop", visible=False, size="md")
            with gr.Accordion("Add an image to the gallery", open=False):
                addition = images.drop_zone("Image to add (kept for later visits)")
                gr.Markdown("Everybody who uses this studio can find and see images that are added here.")
        with gr.Column(scale=3, min_width=320):
            summary = gr.Markdown(lambda: summary_of(len(library.paths())))
            blank = gr.HTML(EMPTY, visible=not library.paths())
            gallery = gr.Gallery(
                lambda: pictures(everything(), "ironbow"),
                show_label=False,
                format="png",
                columns=3,
                height="auto",
                object_fit="cover",
                interactive=False,
                buttons=["fullscreen"],
                elem_classes="results",
                elem_id="retrieve-results",
            )
            more = gr.Button("More like the selected image", interactive=False, size="md")

    shown = [ranked, gallery, summary, chosen, more, stop]

    def search(
        palette: str, top: int, text: str | None, image: ThermalImage | None, what: str, progress: gr.Progress
    ) -> Iterator[tuple]:
        if not library.paths():
            raise InputError("The gallery is empty: add an infrared image first, then search.")
        wait = "Searching… the first search also prepares the gallery."
        yield gr.skip(), gr.skip(), wait, None, gr.skip(), gr.update(visible=True)
        try:
            progress(0, desc="Loading the model")
            services.index()
            for done, total in library.prepare():
                progress((done, total), desc="Preparing the gallery", unit="images")
            found: Ranked = [*library.search(text, image, int(top))]
        except Exception:
            yield (
                gr.skip(),
                gr.skip(),
                "No result: see the message, then search again.",
                None,
                gr.skip(),
                gr.update(visible=False),
            )
            raise
        yield found, pictures(found, palette), what, None, gr.update(interactive=False), gr.update(visible=False)

    @guarded
    def on_text(text: str, palette: str, top: int, progress=gr.Progress()):  # noqa: B008
        text = text.strip()
        if not text:
            raise InputError("Describe the scene in a few words first, then search.")
        yield from search(palette, top, text, None, "Best matches for your words, with their scores.", progress)

    @guarded
    def on_image(path: str | None, palette: str, top: int, progress=gr.Progress()):  # noqa: B008
        image = images.uploaded(path)
        yield from search(palette, top, None, image, "Images most like yours, with their scores.", progress)

    @guarded
    def on_more(chosen: Path | None, palette: str, top: int, progress=gr.Progress()):  # noqa: B008
        if chosen is None:
            raise InputError("Select an image of the gallery first.")
        yield from search(palette, top, None, read_thermal(chosen), "Images most like the selected one.", progress)

    @guarded
    def on_select(ranked: Ranked, event: gr.SelectData):
        return (ranked or everything())[event.index][0], gr.update(interactive=True)

    @guarded
    def on_palette(ranked: Ranked, palette: str):
        return pictures(ranked or everything(), palette)

    @guarded
    def on_add(path: str | None, palette: str, request: gr.Request):
        access.worker(request, services.studio, "refiner")
        library.add(path)
        gr.Success("Added. It takes part in the next search.", title="Gallery")
        return [], pictures(everything(), palette), summary_of(len(library.paths())), gr.update(visible=False)

    @guarded
    def warm():
        services.index()

    on_enter(warm, None, None)  # the model loads while the words are typed
    look: dict[str, Any] = {"outputs": shown, "show_progress_on": [gallery], **MODEL}
    runs: list[Any] = [
        text.submit(on_text, [text, palette, top], **look),
        query.upload(on_image, [query, palette, top], **look),
        more.click(on_more, [chosen, palette, top], **look),
    ]
    stop.click(lambda: ("Cancelled.", gr.update(visible=False)), None, [summary, stop], cancels=runs, **CHEAP)
    gallery.select(on_select, ranked, [chosen, more], show_progress="hidden", **CHEAP)
    palette.input(on_palette, [ranked, palette], gallery, trigger_mode="always_last", show_progress="hidden", **CHEAP)
    addition.upload(on_add, [addition, palette], [ranked, gallery, summary, blank], **CHEAP)
    for zone in (query, addition):
        zone.upload(**images.READY_AGAIN, outputs=zone)
