import json

import pytest
import torch
from safetensors.torch import save_file

from core import weights
from core.errors import InputError


def test_every_bundled_file_has_the_hash_that_the_manifest_says():
    assert weights.manifest()["models"], "weights/manifest.json is empty"
    for name, facts in weights.manifest()["models"].items():
        folder = weights.bundled(name)
        assert {p.name for p in folder.iterdir()} == set(facts["files"])
        for file, pinned in facts["files"].items():
            assert (folder / file).stat().st_size == pinned["bytes"]


def test_the_bundled_weights_stay_under_60_megabytes_and_are_safetensors():
    files = [p for p in weights.ROOT.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 60e6
    assert {p.suffix for p in files} <= {".safetensors", ".json", ".txt", ".jinja", ".md"}


def test_a_changed_file_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "toy"
    folder.mkdir()
    save_file({"w": torch.ones(2)}, folder / "model.safetensors")
    good = weights.sha256(folder / "model.safetensors")
    (tmp_path / "manifest.json").write_text(
        json.dumps({"models": {"toy": {"files": {"model.safetensors": {"sha256": good}}}}})
    )
    monkeypatch.setattr(weights, "ROOT", tmp_path)
    weights.manifest.cache_clear()
    weights.bundled.cache_clear()
    try:
        assert weights.bundled("toy") == folder
        weights.bundled.cache_clear()
        save_file({"w": torch.zeros(2)}, folder / "model.safetensors")
        with pytest.raises(InputError, match="differs"):
            weights.bundled("toy")
        with pytest.raises(InputError, match="No bundled model"):
            weights.bundled("nothing")
    finally:
        monkeypatch.undo()
        weights.manifest.cache_clear()
        weights.bundled.cache_clear()


def test_denormal_numbers_become_zero_and_all_others_stay(tmp_path):
    values = {"w": torch.tensor([1e-40, -1e-39, 1.2e-38, 0.0, -3.5]), "n": torch.tensor([1, 2])}
    values["half"] = torch.tensor([6e-8, 1.0], dtype=torch.float16)
    save_file(values, tmp_path / "model.safetensors")
    read = weights.load(tmp_path / "model.safetensors")
    assert read["w"].tolist() == torch.tensor([0, 0, 1.2e-38, 0.0, -3.5]).tolist()
    assert torch.equal(read["n"], values["n"]) and torch.equal(read["half"], values["half"])


def test_a_pickle_is_never_read(tmp_path):
    path = tmp_path / "model.safetensors"
    torch.save({"w": torch.ones(1)}, path)
    with pytest.raises(InputError, match="not a readable safetensors"):
        weights.load(path)


def test_an_unknown_name_is_one_clear_error(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="no reachable Hub model"):
        weights.resolve("nobody/nothing")
    with pytest.raises(InputError):
        weights.resolve("../../x y z")


def test_the_open_base_models_are_installed():
    for name in weights.BASES:
        assert weights.base_model(name).exists()
