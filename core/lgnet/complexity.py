"""Parameters and multiply-adds of every architecture: python -m core.lgnet.complexity [--size 512]"""

import argparse
import functools
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from core import cli
from core.lgnet.builders import BUILDERS


@functools.cache
def complexity(name: str, size: int) -> tuple[int, int]:
    """(parameters, multiply-adds for one size x size image); counted on shapes alone, nothing is computed.

    The field prints multiply-adds as "GFLOPs"; true floating-point operations are twice as many.
    """
    with torch.device("meta"):
        model = BUILDERS[name](512).eval()
        with FlopCounterMode(display=False) as counter:
            model(torch.empty(1, 1, size, size))
    return sum(p.numel() for p in model.parameters()), counter.get_total_flops() // 2


def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command."""
    rows = {}
    print(f"{'architecture':<28}{'parameters':>12}{'multiply-adds':>16}   at {args.size} x {args.size}")
    for name in BUILDERS:
        parameters, macs = complexity(name, args.size)
        print(f"{name:<28}{parameters / 1e6:>10.3f} M{macs / 1e9:>14.2f} G")
        rows[name] = {"parameters": parameters, "macs": macs}
    return {"size": args.size, "architectures": rows}


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.lgnet.complexity", description="Count parameters and work.")
    p.add_argument("--size", type=int, default=512, help="side of the image in pixels")
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
