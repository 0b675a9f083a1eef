"""search, evaluate and train as a person meets them: arguments, files, messages."""

import contextlib
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from core import cli
from core.errors import InputError
from core.tclip import evaluate, search
from core.tclip.augment import augment
from core.tclip.dataset import read_captions, text_ids
from core.tclip.predictor import ThermalCLIP


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images of different brightness."""
    for i, level in enumerate((10, 90, 170, 250)):
        noise = np.random.default_rng(i).integers(-5, 5, (40, 50))
        Image.fromarray((level + noise).astype(np.uint8)).save(tmp_path / f"{i}.png")
    return tmp_path


@pytest.fixture
def model(toy: ThermalCLIP, monkeypatch: pytest.MonkeyPatch) -> ThermalCLIP:
    """Commands load the toy model."""
    monkeypatch.setattr(ThermalCLIP, "from_weights", classmethod(lambda cls, name: toy))
    return toy


def captions_file(folder: Path, **changes: object) -> Path:
    rows = [
        {"image": f"{i}.png", "caption_global": f"{word} car", "caption_fine": f"{word} sky", "source": "x", **changes}
        for i, word in enumerate(("one", "two", "dark", "night"))
    ]
    file = folder / "c.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return file


def run(module: object, *arguments: object, monkeypatch: pytest.MonkeyPatch) -> int:
    """Exit code of a command."""
    monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
    try:
        cli.run(module.parser(), module.main)  # type: ignore[attr-defined]
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_search_writes_ranked_hits(folder: Path, model: ThermalCLIP, monkeypatch: pytest.MonkeyPatch) -> None:
    out = folder / "hits.json"
    for query in (("--text", "two cars"), ("--image", folder / "2.png")):
        code = run(search, "--images", folder, *query, "--top", 3, "--json", out, monkeypatch=monkeypatch)
        hits = json.loads(out.read_text(encoding="utf-8"))["hits"]
        assert (code, len(hits)) == (0, 3)
        assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    assert hits[0]["image"] == "2.png"


def test_search_names_unreadable_images_and_goes_on(
    folder: Path, model: ThermalCLIP, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.png").write_bytes(b"no image")
    assert run(search, "--images", folder, "--text", "sky", monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr()
    assert "bad.png" in printed.err
    assert len(printed.out.splitlines()) == 4


def test_every_hostile_file_as_query_gives_one_line_and_exit_code_2(
    folder: Path, hostile: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind, path in hostile.items():
        assert run(search, "--images", folder, "--image", path, monkeypatch=monkeypatch) == 2, kind
        assert len(capsys.readouterr().err.splitlines()) == 1, kind


def test_a_folder_without_a_readable_image_gives_exit_code_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(search, "--images", tmp_path, "--text", "sky", monkeypatch=monkeypatch) == 2
    (tmp_path / "bad.png").write_bytes(b"no image")
    assert run(search, "--images", tmp_path, "--text", "sky", monkeypatch=monkeypatch) == 2
    assert run(search, "--images", tmp_path / "none", "--text", "sky", monkeypatch=monkeypatch) == 2


@pytest.mark.parametrize("adapter", ["none", "global", "fine", "dual"])
def test_evaluate_writes_the_promised_keys(
    folder: Path, model: ThermalCLIP, monkeypatch: pytest.MonkeyPatch, adapter: str
) -> None:
    arguments = ("--captions", captions_file(folder), "--images", folder, "--adapter", adapter)
    assert run(evaluate, *arguments, "--json", folder / "r.json", monkeypatch=monkeypatch) == 0
    result = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert result["n"] == 4
    for direction in ("i2t", "t2i"):
        assert result[direction].keys() == {"r1", "r5", "r10"}
        assert result[direction]["r5"] == 1  # of four
    assert result["chance"] == result["source_only"] == {"r1": 0.25, "r5": 1.0, "r10": 1.0}


def test_alpha_one_equals_the_global_branch(folder: Path, model: ThermalCLIP) -> None:
    rows = read_captions(captions_file(folder), folder)
    dual, alone = evaluate.embed(model, rows, "dual", 1.0), evaluate.embed(model, rows, "global")
    for ours, theirs in zip(dual, alone, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("changes", [{"image": 3}, {"caption_fine": None}, {"image": "not_there.png"}])
def test_a_bad_caption_line_is_named_with_its_number(folder: Path, changes: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"c\.jsonl, line 1: "):
        read_captions(captions_file(folder, **changes), folder)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00", b"[1]\n", b"{\n"])
def test_a_file_that_holds_no_captions_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.jsonl").write_bytes(content)
    with pytest.raises(InputError):
        read_captions(tmp_path / "c.jsonl", tmp_path)


def test_equal_texts_share_a_number() -> None:
    assert text_ids(["a", "b", "a", "c", "b"]) == [0, 1, 0, 2, 1]


def test_augmentation_keeps_the_range_and_left_from_right() -> None:
    grey = torch.zeros(16, 1, 32, 32)
    grey[:, :, 4:10, 4:10] = 0.9  # bright, upper left
    changed = augment(grey, torch.Generator().manual_seed(0))
    assert changed.shape == grey.shape
    assert changed.min() >= 0 and changed.max() <= 1
    assert (changed[:, :, :16, :16].mean((1, 2, 3)) > changed[:, :, 16:, 16:].mean((1, 2, 3)) + 0.05).all()


class Stop:
    """`keep` callback that ends the training in its n-th epoch, before that epoch's checkpoint is written."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


def fit_toy(folder: Path, epochs: int) -> Tensor:
    """Weights of a linear layer after `fit`, stopped after `epochs` of 4."""
    from core.tclip.train import fit

    torch.manual_seed(0)
    layer = nn.Linear(3, 1)
    data = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
    score = itertools.count()

    def batch_loss(indices: Tensor, epoch: int, step: int) -> Tensor:
        return (layer(data[indices]) - data[indices].sum(1, keepdim=True)).square().mean()

    groups = [{"params": [*layer.parameters()], "lr": 0.1}]
    with contextlib.suppress(KeyboardInterrupt):
        fit(folder, {"layer": layer}, groups, 4, 40, 0, batch_loss, lambda: next(score), Stop(epochs))
    return layer.weight.detach()


def test_a_training_that_was_stopped_ends_where_an_unbroken_one_ends(tmp_path: Path) -> None:
    unbroken = fit_toy(tmp_path / "unbroken", 4)
    stopped = fit_toy(tmp_path / "stopped", 2)
    assert not torch.equal(stopped, unbroken)
    assert torch.equal(fit_toy(tmp_path / "stopped", 4), unbroken)
