"""The Data tab's way in: image files, with what is known about them, and the models' proposals for the queue."""

import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path

import gradio as gr

from core.errors import InputError
from labeling.items import Imported, NewItem
from labeling.sources import Stated, from_lines
from ui import access, images
from ui.editor.models import Models
from ui.events import CHEAP, MODEL, guarded
from ui.services import Services

MAX_FILES = 500  # of one import; more come with `python -m ui.bring`
MAX_ASKED = 200  # images that the models look at in one go


def build(services: Services, project: gr.Dropdown) -> gr.HTML:
    """The accordions and their events. Returns the component that tells what came in, for others to follow."""
    studio = services.studio
    with gr.Accordion("Import images", open=False):
        files = gr.File(
            label="Infrared images (PNG, TIFF or JPEG), and JSON lines about them",
            file_count="multiple",
            file_types=[*images.FILE_TYPES, ".jsonl"],
            height=150,
            elem_id="data-files",
        )
        source = gr.Textbox(label="Where are they from?", placeholder="e.g. our own camera, 2026", max_length=200)
        licence = gr.Textbox(label="Under which licence?", placeholder="e.g. CC-BY-4.0", max_length=200)
        bring = gr.Button("Import into the queue", size="md")
        brought = gr.HTML(elem_id="data-imported")
        gr.Markdown("Whole folders, built data sets and published revisions: `python -m ui.bring --help`")
    with gr.Accordion("Ask the models about the queue", open=False):
        gr.Markdown("Masks, boxes and captions are proposed as drafts; people accept, edit or reject them.")
        count = gr.Number(20, label="Images", minimum=1, maximum=MAX_ASKED, precision=0)
        ask = gr.Button("Ask the models", size="md")
        asked = gr.HTML(elem_id="data-asked")

    @guarded
    def on_import(
        paths: list[str] | None, source: str, licence: str, project: int | None, request: gr.Request,
        progress=gr.Progress(),  # noqa: B008
    ):  # fmt: skip
        user = access.worker(request, studio, "owner")
        if not paths:
            raise InputError("Choose one or more image files first, then import them.")
        if len(paths) > MAX_FILES:
            raise InputError(
                f"Import {MAX_FILES} files at a time: you chose {len(paths)}. `python -m ui.bring` takes more."
            )
        stated = Stated(source.strip() or Stated.source, licence.strip() or Stated.licence)
        with tempfile.TemporaryDirectory() as folder:
            items = _items([Path(path) for path in paths], Path(folder), stated)
            tell = lambda seen: progress((seen, len(paths)), desc="Importing")  # noqa: E731
            result = studio.import_items(items, user, project, tell)
        return _imported(result), None

    @guarded
    def on_ask(count: int, project: int | None, request: gr.Request, progress=gr.Progress()):  # noqa: B008
        access.worker(request, studio, "owner")
        if not isinstance(count, int) or not 1 <= count <= MAX_ASKED:
            raise InputError(f"The models look at 1 to {MAX_ASKED} images in one go.")
        waiting = studio.unsuggested(count, project)
        models = Models(studio, services)
        for item in progress.tqdm(waiting, desc="The models look"):
            models.suggest(item)
        words = f"{len(waiting)} images have proposals now" if waiting else "Every open image has proposals already"
        return f'<div class="facts" role="status"><span>{words}</span></div>'

    bring.click(on_import, [files, source, licence, project], [brought, files], show_progress_on=[brought], **CHEAP)
    ask.click(on_ask, [count, project], asked, show_progress_on=[asked], **MODEL)
    return brought


def _items(paths: list[Path], folder: Path, stated: Stated) -> Iterator[NewItem]:
    """What JSON lines say about the images they name, then the images they don't name."""
    lines = [path for path in paths if path.suffix.lower() == ".jsonl"]
    pictures = {path.name: path for path in paths if path not in lines}
    for name, path in pictures.items():  # uploads lie in folders of their own
        (folder / name).symlink_to(path)
    named = set[str]()
    for item in from_lines(lines, folder, stated) if lines else ():
        named.add(item.name)
        yield item
    for path in paths:
        if path not in lines and path.name not in named:
            yield NewItem(path.read_bytes(), path.name, stated.source, stated.licence)


def _imported(result: Imported) -> str:
    """HTML: what came in, and why each refused file did not."""
    words = [f"{result.added} added to the queue"]
    if result.known:
        words.append(f"{result.known} there already")
    lines = "".join(f"<li><strong>{escape(name)}</strong>: {escape(reason)}</li>" for name, reason in result.refused)
    facts = "".join(f"<span>{word}</span>" for word in words)
    return f'<div class="facts" role="status">{facts}</div>' + (
        f"<p>Not imported:</p><ul>{lines}</ul>" if lines else ""
    )
