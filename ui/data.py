"""Data: what has been refined, new images in, pinned revisions out."""

import io
import time
import zipfile
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from labeling import masks
from labeling.items import Progress, View
from labeling.studio import Filter
from ui import access, images, intake, theme
from ui.entering import on_enter
from ui.events import CHEAP, guarded
from ui.services import Services

PAGE = 20  # rows of the table
MAX_ZIP = 256 * 2**20  # bytes; larger revisions are fetched from their folder
STATES = {
    "Refined": ("refined",), "Skipped": ("skipped",), "In review": ("review",), "To do": ("draft",), "All": (),
}  # fmt: skip
HEADERS = ["#", "Image", "State", "Mask (px)", "Global caption", "By", "When (UTC)"]
WIDTHS: list[str | int] = [44, 112, 80, 64, 216, 80, 108]  # pixels; all of it fits beside the export
EMPTY = theme.empty(
    "Nothing here yet", "Save an item in the Label tab and it appears here, or choose another list above."
)


def build(services: Services) -> None:
    """The tab's components and events."""
    studio, exports = services.studio, services.data / "exports"
    progress = gr.HTML()
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            project = gr.Dropdown(label="Project", choices=[], visible=False, elem_id="data-project")
            which = gr.Radio(list(STATES), value="Refined", show_label=False, container=False)
            blank = gr.HTML(EMPTY, visible=False)
            table = gr.Dataframe(
                headers=HEADERS,
                interactive=False,
                show_label=False,
                wrap=True,
                column_widths=WIDTHS,
                elem_id="data-table",
            )
            with gr.Row():
                newer = gr.Button("Newer", size="sm", min_width=80, visible=False)
                older = gr.Button("Older", size="sm", min_width=80, visible=False)
        with gr.Column(scale=2, min_width=300):
            gr.Markdown("### Export a pinned revision")
            tag = gr.Textbox(label="Tag", info="A name for this state of the data", max_length=64, elem_id="data-tag")
            export = gr.Button("Export", variant="primary", elem_id="data-export")
            written = gr.HTML(elem_id="data-revision", apply_default_css=False)
            use = gr.Code(language="python", label="Use it", visible=False, interactive=False)
            archive = gr.DownloadButton("Download as ZIP", visible=False, size="md")
            brought = intake.build(services, project)

    page = gr.State(0)
    listed = [page, progress, blank, table, newer, older]
    shown = [which, page, project]

    def listing(which: str, page: int, project: int | None) -> tuple:
        """Updates of `listed`: one page of a list."""
        found = studio.find(Filter(states=STATES[which]), project, page * PAGE, PAGE)
        more = found.total > (page + 1) * PAGE
        return (
            page,
            progress_line(studio.progress(project)),
            gr.update(visible=not found.items),
            gr.update(value=[_row(view) for view in found.items], visible=bool(found.items)),
            gr.update(interactive=page > 0, visible=page > 0 or more),
            gr.update(interactive=more, visible=page > 0 or more),
        )

    @guarded
    def on_open(which: str, page: int, project: int | None):
        known = [(one.name, one.id) for one in studio.projects()]
        chosen = project or known[0][1]
        return (
            gr.update(choices=known, value=chosen, visible=len(known) > 1),
            *listing(which, page, chosen),
            next_tag(exports),
        )

    @guarded
    def on_which(which: str, project: int | None):
        return listing(which, 0, project)

    @guarded
    def on_newer(which: str, page: int, project: int | None):
        return listing(which, max(0, page - 1), project)

    @guarded
    def on_older(which: str, page: int, project: int | None):
        return listing(which, page + 1, project)

    @guarded
    def on_export(tag: str, project: int | None, request: gr.Request, progress=gr.Progress()):  # noqa: B008
        user = access.worker(request, studio, "reviewer")
        progress(0.1, desc="Writing the revision")
        folder = exports / Path(tag.strip()).name  # one folder a tag; the export checks the tag itself
        manifest = studio.export(folder, tag.strip(), user, project)
        progress(0.8, desc="Packing")
        packed = _zip(folder)
        download = images.download(packed, f"{folder.name}.zip") if packed else None
        return (
            _revision(manifest, folder),
            gr.update(value=_usage(folder), visible=True),
            gr.update(value=download, visible=download is not None),
            next_tag(exports),
        )

    quiet = {"show_progress": "hidden", **CHEAP}
    on_enter(on_open, shown, [project, *listed, tag])
    which.input(on_which, [which, project], listed, **quiet)
    project.input(on_which, [which, project], listed, **quiet)
    newer.click(on_newer, shown, listed, **quiet)
    older.click(on_older, shown, listed, **quiet)
    export.click(
        on_export,
        [tag, project],
        [written, use, archive, tag],
        show_progress_on=[written],
        trigger_mode="once",
        **CHEAP,
    )
    brought.change(on_which, [which, project], listed, **quiet)


def progress_line(progress: Progress) -> str:
    """HTML: a bar of how much is done, and the figures."""
    finished = progress.refined + progress.skipped
    share = 100 * finished / max(1, progress.total)
    words = [f"{progress.refined} refined", f"{progress.skipped} skipped", f"{progress.drafts} to go"]
    words += [f"{progress.review} in review"] if progress.review else []
    items = "".join(f"<span>{word}</span>" for word in words)
    rail = "height:6px;border-radius:6px;overflow:hidden;background:var(--border-color-primary);margin:4px 0 8px"
    bar = f'<div style="width:{share:.1f}%;height:100%;background:var(--heat)"></div>'
    aria = (
        f'role="progressbar" aria-label="Items done" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{share:.0f}"'
    )
    return f'<div {aria} style="{rail}">{bar}</div><div class="facts" role="status">{items}</div>'


def next_tag(exports: Path) -> str:
    """The first of v1, v2, ... that no folder has."""
    return next(tag for tag in (f"v{number}" for number in range(1, 10**6)) if not (exports / tag).exists())


def _row(view: View) -> list[Any]:
    mask = view.fields.get("mask")
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(view.at / 1000)) if view.at else ""
    pixels = masks.area(mask) if mask else ""
    caption = view.fields.get("caption_global", "")
    return [view.id, view.name, view.state, pixels, caption, (view.user or "").strip("()"), when]


def _revision(manifest: dict[str, Any], folder: Path) -> str:
    """HTML of what was written."""
    files = "".join(
        f"<tr><td>{escape(path)}</td><td><code>{sha256[:16]}…</code></td></tr>"
        for path, sha256 in manifest["files"].items()
    )
    configs = ", ".join(f"{count} in {name}" for name, count in manifest["configs"].items())
    return (
        f'<article class="model-card"><h3>Revision {escape(manifest["tag"])}</h3><p>{escape(configs)}</p>'
        f"<dl><dt>Content hash</dt><dd><code>{manifest['revision']}</code></dd>"
        f"<dt>Folder</dt><dd><code>{escape(str(folder))}</code></dd></dl>"
        f'<div class="scroll"><table><tbody>{files}</tbody></table></div></article>'
    )


def _usage(folder: Path) -> str:
    return (
        "from datasets import load_dataset\n\n"
        f'rows = load_dataset({str(folder)!r}, "masks", split="train")\n\n'
        f"# train the small-target model on it:\n# python -m core.lgnet.train --data {folder}"
    )


def _zip(folder: Path) -> bytes | None:
    """The revision's files in one archive, None if they are too large to pack in memory."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if sum(path.stat().st_size for path in paths) > MAX_ZIP:
        return None
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            archive.write(path, f"{folder.name}/{path.relative_to(folder)}")
    return packed.getvalue()
