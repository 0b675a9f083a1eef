"""Speed of LGNet on this machine: python -m core.lgnet.bench [--sizes 256 512]

One run measures the plain path (float32, contiguous) and the served path (bf16, channels_last) against the machine's
own matrix-product peak.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from core import cli
from core.device import compute_dtype, device
from core.lgnet.builders import build_lgnet
from core.lgnet.inference import probability_map

GMACS_512 = 84.5  # of the published backbone at 1 x 3 x 512 x 512; scales with the number of pixels


def seconds(call: Callable[[], object], repeats: int = 3) -> float:
    """Shortest of `repeats` timed calls after one warm-up."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        if device().type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times)


def matmul_peak(dtype: torch.dtype) -> float:
    """TFLOP/s of a 2048^3 matrix product."""
    a = torch.randn(2048, 2048, device=device(), dtype=dtype)
    return 2 * 2048**3 / seconds(lambda: a @ a) / 1e12


@torch.inference_mode()
def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command."""
    peak = {"float32": matmul_peak(torch.float32), "bf16": matmul_peak(compute_dtype())}
    print(f"threads {torch.get_num_threads()}  peak {peak['float32']:.2f} (fp32) {peak['bf16']:.2f} (bf16) TFLOP/s")
    plain = build_lgnet().to(device()).eval()
    served = build_lgnet().to(device()).to(memory_format=torch.channels_last).eval()
    rows = []
    for size in args.sizes:
        pixels = torch.rand(size, size)
        image = pixels[None, None].to(device())
        slow = seconds(partial(plain, image))
        fast = seconds(partial(probability_map, served, pixels.numpy()))
        share = 2e9 * GMACS_512 * (size / 512) ** 2 / fast / (peak["bf16"] * 1e12)
        print(f"{size} x {size}: float32 {slow * 1e3:.0f} ms, served {fast * 1e3:.0f} ms = {slow / fast:.1f} x, "
              f"{share:.0%} of the bf16 peak")  # fmt: skip
        rows.append({"size": size, "float32_ms": slow * 1e3, "served_ms": fast * 1e3, "share_of_peak": share})
    return {"threads": torch.get_num_threads(), "peak_tflops": peak, "rows": rows}


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.lgnet.bench", description="Time LGNet on this machine.")
    p.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
