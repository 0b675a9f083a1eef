from pathlib import Path

import gradio as gr
import pytest
from starlette.requests import Request

from labeling.studio import Studio
from tests.ui import pages
from ui import images, retrieve


def request(origin: str) -> gr.Request:
    headers = [(b"host", b"127.0.0.1:7860"), (b"origin", origin.encode())]
    return gr.Request(Request({"type": "http", "headers": headers, "client": ("127.0.0.1", 9)}))


def test_a_sentence_gives_ranked_images_with_scores(tmp_path: Path) -> None:
    calls = pages.handlers(retrieve, pages.fake_services(tmp_path))
    ranked, gallery, *_ = pages.last(calls["on_text"](" a warm car ", "ironbow", 3))
    assert [score for _, score in ranked] == [0.9, 0.8, pytest.approx(0.7)]
    assert [caption.split(" · ")[0] for _, caption in gallery] == ["0.900", "0.800", "0.700"]


def test_an_image_is_a_query_too_and_a_result_leads_to_more_like_it(tmp_path: Path) -> None:
    calls = pages.handlers(retrieve, pages.fake_services(tmp_path))
    ranked, *_ = pages.last(calls["on_image"](str(images.examples()[0]), "ironbow", 2))
    assert len(ranked) == 2
    again, *_ = pages.last(calls["on_more"](ranked[1][0], "ironbow", 2))
    assert len(again) == 2


def test_an_empty_sentence_says_what_to_do(tmp_path: Path) -> None:
    calls = pages.handlers(retrieve, pages.fake_services(tmp_path))
    with pytest.warns(UserWarning, match="Describe the scene"):
        list(calls["on_text"]("  ", "ironbow", 3))


def test_an_added_image_appears_in_the_gallery(tmp_path: Path) -> None:
    studio = Studio(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "store", lambda data, name: (1, 1))
    calls = pages.handlers(retrieve, pages.fake_services(tmp_path / "data", studio=studio))
    upload = tmp_path / "extra.png"
    upload.write_bytes(images.examples()[0].read_bytes())
    _, gallery, summary, _ = calls["on_add"](str(upload), "ironbow", request("http://127.0.0.1:7860"))
    assert gallery[0][1] == "extra" and str(len(images.examples()) + 1) in summary


def test_another_web_site_cannot_add_images(tmp_path: Path) -> None:
    calls = pages.handlers(retrieve, pages.fake_services(tmp_path))
    with pytest.warns(UserWarning, match="another web site"):
        assert calls["on_add"](str(images.examples()[0]), "ironbow", request("https://evil.example")) == gr.skip()
    assert not (tmp_path / "gallery").exists()
