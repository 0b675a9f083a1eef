"""Training checkpoints without pickles: tensors in safetensors, numbers in JSON, replaced atomically."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


def save_checkpoint(
    folder: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, state: dict[str, Any]
) -> None:
    """Write modules, optimizer and `state` (JSON-able: step, seed, best figure ...) to `folder`.

    A stop at any moment leaves the old or the new checkpoint, never half of one: `state.json`, which names the
    tensor file, is replaced last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"{name}/{k}": v for name, module in modules.items() for k, v in module.state_dict().items()}
    packed = optimizer.state_dict()
    scalars: dict[str, Any] = {}
    for index, slots in packed["state"].items():
        for slot, value in slots.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer/{index}/{slot}"] = value
            else:
                scalars[f"{index}/{slot}"] = value
    groups = [{k: v for k, v in group.items() if not isinstance(v, Tensor)} for group in packed["param_groups"]]
    name = f"tensors-{state['step']}.safetensors"
    save_file({k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}, folder / name)
    text = json.dumps({"state": state, "tensors": name, "scalars": scalars, "groups": groups}, indent=1)
    (folder / "state.json.new").write_text(text, encoding="utf-8")
    os.replace(folder / "state.json.new", folder / "state.json")
    for old in folder.glob("tensors-*.safetensors"):
        if old.name != name:
            old.unlink()


def load_checkpoint(
    folder: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer
) -> dict[str, Any] | None:
    """Restore what `save_checkpoint` wrote and return its `state`; None where there is no checkpoint."""
    if not (folder / "state.json").is_file():
        return None
    saved = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    tensors = load_file(folder / saved["tensors"])
    for name, module in modules.items():
        prefix = f"{name}/"
        module.load_state_dict({k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)})
    slots: dict[int, dict[str, Any]] = {}
    for key, value in [*tensors.items(), *((f"optimizer/{k}", v) for k, v in saved["scalars"].items())]:
        if key.startswith("optimizer/"):
            _, index, slot = key.split("/")
            slots.setdefault(int(index), {})[slot] = value
    optimizer.load_state_dict({"state": slots, "param_groups": saved["groups"]})
    return saved["state"]
