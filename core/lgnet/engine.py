"""Engines: a network made ready to serve, arrays in and out. `fast_engine` picks the fastest one of this machine.

B images of H x W pixels, D width of the target descriptor.
"""

import contextlib
import copy
import importlib.util
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.device import autocast, device
from core.lgnet.model import ChannelGate, ConvBNReLU, LanguageGate, LGNet


class Engine(Protocol):
    """Target probabilities of images."""

    def __call__(self, images: np.ndarray, descriptors: np.ndarray | None = None) -> np.ndarray:
        """float32 (B, H, W) in [0, 1] and (B, D), or None for "nothing is known" -> float32 (B, H, W) in [0, 1]."""


class TorchEngine:
    """The network as it is, in mixed precision; with `half=False` in float32: the plain path."""

    def __init__(self, model: nn.Module, half: bool = True) -> None:
        self.model, self.precision = model, autocast if half else contextlib.nullcontext

    @torch.inference_mode()
    def __call__(self, images: np.ndarray, descriptors: np.ndarray | None = None) -> np.ndarray:
        self.model.eval()
        where = next(self.model.parameters()).device
        td = None if descriptors is None else torch.from_numpy(descriptors).to(where)
        with self.precision():
            fused, _ = self.model(torch.from_numpy(images)[:, None].to(where), td)
        return torch.sigmoid(fused.float())[:, 0].cpu().numpy()


class OpenVINOEngine:
    """LGNet in OpenVINO: bf16 where the CPU has it, and 8-bit convolutions where activation ranges are known.

    `model`: an LGNet with folded batch norms. One call at a time: the buffers of a request are reused.
    `precision` "f32" or "bf16" overrides the choice.
    """

    def __init__(self, model: Any, ranges: dict[str, float], precision: str | None = None) -> None:
        import openvino as ov

        from core.lgnet.openvino_graph import build_graph

        self.descriptor_dim = model.descriptor_dim
        core = ov.Core()
        best = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        settings = {
            "INFERENCE_PRECISION_HINT": precision or best,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "ENABLE_CPU_PINNING": False,  # other work shares the cores
        }
        self.request = core.compile_model(build_graph(model, ranges), "CPU", settings).create_infer_request()

    def __call__(self, images: np.ndarray, descriptors: np.ndarray | None = None) -> np.ndarray:
        if descriptors is None:
            descriptors = np.zeros((len(images), self.descriptor_dim), np.float32)
        self.request.infer([images[:, None], descriptors])
        return self.request.get_output_tensor(0).data[:, 0].copy()


def fold_batch_norm(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode whose batch norms are folded into the convolutions before them."""
    model = copy.deepcopy(model).eval()
    for module in model.modules():
        layer: Any = module
        if isinstance(module, ConvBNReLU):
            layer[0], layer[1] = fuse_conv_bn_eval(layer[0], layer[1]), nn.Identity()
        elif isinstance(module, (ChannelGate, LanguageGate)):
            layer.conv, layer.norm = fuse_conv_bn_eval(layer.conv, layer.norm), nn.Identity()
    return model


def fast_engine(model: nn.Module, ranges: dict[str, float] | None = None) -> Engine:
    """The fastest engine here: OpenVINO for LGNet on a CPU (docs/BENCHMARKS.md), else folded, channels_last torch.

    Args:
        ranges: what core.lgnet.calibrate measured; without it convolutions stay in floating point.
    """
    folded = fold_batch_norm(model)
    if isinstance(model, LGNet) and device().type == "cpu" and importlib.util.find_spec("openvino"):
        return OpenVINOEngine(folded, ranges or {})
    return TorchEngine(folded.to(device()).to(memory_format=torch.channels_last))
