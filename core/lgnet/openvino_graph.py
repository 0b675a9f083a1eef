"""LGNet as an OpenVINO graph of any image size: float, or 8-bit convolutions where activation ranges are known.

Built operation by operation from a folded network (core.lgnet.engine.fold_batch_norm), so that height and width stay
free and nothing is traced. Names and shapes follow core.lgnet.model; a test holds both to the same answer.
"""

from typing import Any

import numpy as np
import openvino as ov
import openvino.opset13 as ops
from openvino import Node
from torch import Tensor

from core.lgnet.model import FusionBlock, LanguageFusionBlock, LGNet, ResidualBlock

Layer = Any  # a torch module: nn.ModuleList forgets the types of its members
FREE = -1  # a dimension that is only known when an image comes
SPATIAL = [2, 3]  # axes of height and width


def constant(value: Tensor | np.ndarray | float) -> Node:
    """float32 constant."""
    return ops.constant(np.asarray(value.detach() if isinstance(value, Tensor) else value, np.float32))


def axes(values: list[int]) -> Node:
    """int64 constant."""
    return ops.constant(np.asarray(values, np.int64))


def column(vector: Layer) -> Node:
    """(C,) -> constant (1, C, 1, 1)."""
    return constant(vector.detach().reshape(1, -1, 1, 1))


def height_width(x: Node) -> Node:
    """Height and width of (B, C, H, W), as a tensor of two."""
    return ops.gather(ops.shape_of(x), axes(SPATIAL), axes([0]))


def resize(x: Node, size: Node) -> Node:
    """Bilinear, align_corners=False."""
    return ops.interpolate(
        x, size, "linear_onnx", "sizes", axes=axes(SPATIAL), coordinate_transformation_mode="half_pixel"
    )


def halve(x: Node) -> Node:
    """Max pooling by 2 that keeps the last odd row and column.

    Padding by one at the end is the same as rounding up, and also right for a side of one pixel.
    """
    return ops.max_pool(x, [2, 2], [1, 1], [0, 0], [1, 1], [2, 2]).output(0)


def pooled(x: Node) -> Node:
    """(B, C, H, W) -> (B, C, 1, 1)."""
    return ops.reduce_mean(x, axes(SPATIAL), keep_dims=True)


def channel_gate(x: Node, gate: Layer) -> Node:
    """Channel weights (B, C, 1, 1)."""
    return ops.sigmoid(ops.add(ops.multiply(pooled(x), column(gate.conv.weight)), column(gate.conv.bias)))


def language_gate(x: Node, v2: Node, gate: Layer) -> Node:
    """Channel weights (B, C, 1, 1) from the map and from v2 (B, C, 1, 1)."""
    weight = gate.conv.weight[:, :, 0, 0]  # (C, 2): of v1 and of v2
    both = ops.add(ops.multiply(pooled(x), column(weight[:, 0])), ops.multiply(v2, column(weight[:, 1])))
    return ops.sigmoid(ops.add(both, column(gate.conv.bias)))


def linear(x: Node, layer: Layer) -> Node:
    """(B, in) -> (B, out)."""
    product = ops.matmul(x, constant(layer.weight), transpose_a=False, transpose_b=True)
    return ops.add(product, constant(layer.bias[None]))


class Convolutions:
    """Adds convolutions to a graph, in 8 bits where `ranges` knows the largest value of their input.

    8 bits: inputs are rectified, so 0..range in 256 steps a tensor; weights in 255 symmetric steps a channel.
    """

    def __init__(self, ranges: dict[str, float]) -> None:
        self.ranges = ranges

    def conv(self, x: Node, conv: Layer, name: str = "") -> Node:
        weight = constant(conv.weight)
        if highest := self.ranges.get(name):
            zero, top = constant(0.0), constant(highest)
            x = ops.fake_quantize(x, zero, top, zero, top, 256)
            largest = conv.weight.detach().abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12)  # (out, 1, 1, 1)
            low, high = constant(-largest), constant(largest)
            weight = ops.fake_quantize(weight, low, high, low, high, 255)
        pad, dilation = list(conv.padding), list(conv.dilation)
        return ops.add(ops.convolution(x, weight, [1, 1], pad, pad, dilation), column(conv.bias))

    def relu_block(self, x: Node, block: Layer, name: str) -> Node:
        """ConvBNReLU, its batch norm folded."""
        return ops.relu(self.conv(x, block[0], name))

    def block(self, x: Node, block: Layer, name: str) -> Node:
        """A residual U-block or a residual block."""
        if isinstance(block, ResidualBlock):
            stem = self.relu_block(x, block.stem, f"{name}.stem")
            return ops.add(self.relu_block(stem, block.body, f"{name}.body"), stem)
        x = stem = self.relu_block(x, block.stem, f"{name}.stem")
        levels: list[Node] = []
        last = len(block.down) - 1
        for i, down in enumerate(block.down):
            x = self.relu_block(halve(x) if not block.dilated and 0 < i < last else x, down, f"{name}.down.{i}")
            levels.append(x)
        for i in range(last - 1, -1, -1):
            if not block.dilated and i < last - 1:
                x = resize(x, height_width(levels[i]))
            x = self.relu_block(ops.concat([x, levels[i]], 1), block.up[i], f"{name}.up.{i}")
        return ops.add(x, stem)

    def fusion(self, encoder: Node, decoder: Node, descriptor: Node, block: Layer, name: str) -> Node:
        """A fusion block of any of the three kinds."""
        maps = [encoder, resize(decoder, height_width(encoder))]
        if isinstance(block, LanguageFusionBlock):
            v2 = ops.unsqueeze(linear(ops.relu(linear(descriptor, block.mlp[0])), block.mlp[2]), axes(SPATIAL))
            gates = [language_gate(maps[0], v2, block.encoder_gate), language_gate(maps[1], v2, block.decoder_gate)]
        elif isinstance(block, FusionBlock):
            gates = [channel_gate(maps[0], block.encoder_gate), channel_gate(maps[1], block.decoder_gate)]
        else:
            gates = [constant(1.0)] * 2
        weighted = [ops.multiply(gate, x) for gate, x in zip(gates, maps, strict=True)]
        return self.relu_block(ops.add(*weighted), block.widen, f"{name}.widen")


def build_graph(model: LGNet, ranges: dict[str, float]) -> ov.Model:
    """Graph of a folded LGNet: images (B, 1, H, W) in [0, 1], descriptors (B, D) -> probabilities (B, 1, H, W).

    Args:
        ranges: largest input of each convolution by its module's name; empty for a float graph.
    """
    add = Convolutions(ranges)
    image = ops.parameter([FREE, 1, FREE, FREE], np.float32, "image")
    descriptor = ops.parameter([FREE, model.descriptor_dim], np.float32, "descriptor")
    size = height_width(image)
    grey = ops.divide(ops.subtract(image, constant(model.pixel_mean)), constant(model.pixel_std))
    x = ops.concat([grey, grey, grey], 1)
    maps = []
    for i, encoder in enumerate(model.encoders):
        x = add.block(x if i == 0 else halve(x), encoder, f"encoders.{i}")
        maps.append(x)
    *skips, bottom = maps  # E1..E5 and D6
    x = add.fusion(skips[4], bottom, descriptor, model.language_fusion, "language_fusion")
    x = add.block(x, model.decoders[0], "decoders.0")
    decoded = [bottom, x]
    for i, (decoder, fusion, skip) in enumerate(
        zip(model.decoders[1:], model.fusions, reversed(skips[:4]), strict=True)
    ):
        x = add.fusion(skip, x, descriptor, fusion, f"fusions.{i}")
        x = add.block(x, decoder, f"decoders.{i + 1}")
        decoded.append(x)
    head = model.output
    sides = [resize(add.conv(d, h), size) for h, d in zip(head.heads, decoded[::-1], strict=True)]
    scale = ops.sigmoid(add.conv(ops.concat(sides[:3], 1), head.scale))
    fused = add.conv(ops.concat(sides[:3] + [ops.multiply(scale, s) for s in sides[3:]], 1), head.fuse)
    return ov.Model([ops.sigmoid(fused)], [image, descriptor], "lgnet")
