from pathlib import Path

import gradio as gr

from tests.ui import pages
from ui import about

MODEL = {
    "title": "Masks of small targets",
    "architecture": "LGNet",
    "parameters": 4_060_000,
    "data": "sky images",
    "splits": "official",
    "seed": 0,
    "git_revision": "abc1234",
    "files": {"model.safetensors": {"sha256": "f" * 64, "bytes": 16_300_000}},
    "figures": [
        {"name": "IoU", "value": 0.71234, "baseline": "top-hat 0.58", "command": "python -m core.lgnet.evaluate"}
    ],
    "limits": ["Can't see <script>alert(1)</script> targets over 81 px."],
}


def test_a_card_shows_facts_figures_and_limits() -> None:
    html = about.card("lgnet", MODEL)
    for part in (
        "4.06 million",
        "0.7123",
        "top-hat 0.58",
        "f" * 64,
        "16.3 MB",
        "abc1234",
        "<dd>0</dd>",
        "targets over 81 px",
    ):
        assert part in html


def test_manifest_text_cannot_carry_markup_into_the_page() -> None:
    assert "<script>" not in about.card("lgnet", MODEL)


def test_a_sparse_entry_is_shown_without_empty_rows() -> None:
    html = about.card("tiny", {"title": "Tiny"})
    assert "Tiny" in html and "None" not in html and "<table>" not in html


def test_without_models_the_tab_says_so(tmp_path: Path) -> None:
    with gr.Blocks() as page:
        about.build(pages.fake_services(tmp_path))
    assert any("No bundled models" in str(block.value) for block in page.blocks.values() if isinstance(block, gr.HTML))
