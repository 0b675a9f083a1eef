"""Speed of the chat model on this machine, bf16 beside NF4: python -m core.irgpt.bench [--image FILE]

Both generate the same number of tokens about the same image in one run; the bytes of the parameters stand beside.
"""

import argparse
import time
from pathlib import Path
from typing import Any, Literal

import torch

from core import cli
from core.irgpt.predictor import IRGPT
from core.thermal import ThermalImage, read_thermal

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "aerial_6.png"
QUESTION = "Describe this picture in detail."


def measure(name: str, quantise: Literal["nf4"] | None, image: ThermalImage, tokens: int) -> dict[str, float]:
    """Seconds to load, to read the image, to the first piece; tokens a second after it; parameter bytes."""
    start = time.perf_counter()
    irgpt = IRGPT.from_weights(name, quantise)
    loaded = time.perf_counter()
    irgpt.session(image).answer("Warm up.", 4)
    read = time.perf_counter()
    session = irgpt.session(image)
    ready = time.perf_counter()
    pieces = session.ask(QUESTION, tokens)
    next(pieces, "")
    first = time.perf_counter()
    said = len(irgpt.processor.tokenizer("".join(pieces))["input_ids"])
    done = time.perf_counter()
    return {
        "load_s": loaded - start,
        "image_s": ready - read,
        "first_piece_s": first - ready,
        "tokens_per_s": said / max(done - first, 1e-9),
        "parameter_bytes": sum(p.numel() * p.element_size() for p in irgpt.model.parameters()),
    }


def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command."""
    image = read_thermal(args.image)
    choices: dict[str, Literal["nf4"] | None] = {"bf16": None, "nf4": "nf4"}
    result: dict[str, Any] = {"threads": torch.get_num_threads()}
    for label, quantise in choices.items():
        figures = result[label] = measure(args.model, quantise, image, args.tokens)
        print(
            f"{label}: {figures['tokens_per_s']:.1f} tokens/s, image {figures['image_s']:.2f} s, "
            f"first piece {figures['first_piece_s']:.2f} s, load {figures['load_s']:.1f} s, "
            f"{figures['parameter_bytes'] / 1e6:.0f} MB"
        )
    return result


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.irgpt.bench", description="Time the chat model, bf16 and NF4.")
    p.add_argument("--image", type=Path, default=EXAMPLE, metavar="FILE")
    p.add_argument("--model", default="bundled/irgpt", metavar="NAME")
    p.add_argument("--tokens", type=int, default=100)
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
