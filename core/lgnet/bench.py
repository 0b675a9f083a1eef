"""Speed of LGNet on this machine: python -m core.lgnet.bench [--sizes 512 256]

One run measures the plain path (float32, eager) and the served path (core.lgnet.engine.fast_engine) on the same pixels,
against the machine's own matrix-product peak. On a busy machine read the CPU times: they leave out waiting for a core.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from core import cli
from core.device import compute_dtype, device
from core.lgnet.calibrate import load_ranges
from core.lgnet.complexity import complexity
from core.lgnet.engine import TorchEngine, fast_engine
from core.lgnet.predictor import load_model
from core.weights import resolve

Seconds = tuple[float, float]  # on the clock, and of CPU time a thread


def seconds(call: Callable[[], object]) -> Seconds:
    """Shortest of the timed calls that fit into 3 s, at least three, after one warm-up."""
    call()
    times: list[Seconds] = []
    while len(times) < 3 or sum(clock for clock, _ in times) < 3:
        start, cpu = time.perf_counter(), time.process_time()
        call()
        if device().type == "cuda":
            torch.cuda.synchronize()
        times.append((time.perf_counter() - start, (time.process_time() - cpu) / torch.get_num_threads()))
    return min(t for t, _ in times), min(c for _, c in times)


def matmul_peak(dtype: torch.dtype) -> float:
    """TFLOP/s of a 2048^3 matrix product, by CPU time on a CPU."""
    a = torch.randn(2048, 2048, device=device(), dtype=dtype)
    clock, cpu = seconds(lambda: a @ a)
    return 2 * 2048**3 / (cpu if device().type == "cpu" else clock) / 1e12


def extra_memory(call: Callable[[], object]) -> float | None:
    """MiB by which the process grows at most during a call; None where Linux's counters are missing."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        return None

    def mebibytes(field: str) -> float:
        line = next(x for x in status.read_text().splitlines() if x.startswith(field))
        return int(line.split()[1]) / 1024

    before = mebibytes("VmRSS")
    reset.write_text("5")  # sets the peak back to what is in use now
    call()
    return mebibytes("VmHWM") - before


def serve_anew(model: nn.Module, ranges: dict[str, float] | None, images: np.ndarray) -> None:
    """Make an engine and use it once."""
    fast_engine(model, ranges)(images)


@torch.inference_mode()
def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command."""
    peak = {"float32": matmul_peak(torch.float32), "bf16": matmul_peak(compute_dtype())}
    print(f"threads {torch.get_num_threads()}  peak {peak['float32']:.2f} (fp32) {peak['bf16']:.2f} (bf16) TFLOP/s")
    trained, _ = load_model(args.model)
    plain = TorchEngine(trained, half=False)
    folder = resolve(args.model)
    architecture = json.loads((folder / "config.json").read_text(encoding="utf-8"))["architecture"]
    ranges = load_ranges(folder)
    served = fast_engine(trained, ranges)
    kind = f"{type(served).__name__}, {'8-bit' if ranges else 'floating point'} convolutions"
    print(f"{architecture}, served by {kind}")
    rows = []
    for size in args.sizes:
        images = np.random.default_rng(0).random((args.batch, size, size), np.float32)
        one = images[:1]
        slow, slow_cpu = seconds(partial(plain, one))
        fast, fast_cpu = seconds(partial(served, one))
        batch, _ = seconds(partial(served, images))
        row = {
            "size": size, "plain_ms": slow * 1e3, "served_ms": fast * 1e3, "ratio": slow / fast,
            "plain_cpu_ms": slow_cpu * 1e3, "served_cpu_ms": fast_cpu * 1e3, "cpu_ratio": slow_cpu / fast_cpu,
            "share_of_bf16_peak": 2 * complexity(architecture, size)[1] / fast_cpu / (peak["bf16"] * 1e12),
            "batch": args.batch, "images_per_second": args.batch / batch,
            "plain_mib": extra_memory(partial(plain, one)),
            # OpenVINO keeps its buffers: measured from before the engine exists
            "served_mib": extra_memory(partial(serve_anew, trained, ranges, one)),
        }  # fmt: skip
        rows.append(row)
        print(f"{size} x {size}: plain {slow * 1e3:.0f} ms, served {fast * 1e3:.0f} ms = {slow / fast:.1f} x; CPU time "
              f"{slow_cpu * 1e3:.0f} and {fast_cpu * 1e3:.0f} ms = {slow_cpu / fast_cpu:.1f} x, "
              f"{row['share_of_bf16_peak']:.0%} of the bf16 peak; {args.batch / batch:.1f} images/s in batches of "
              f"{args.batch}; memory {row['plain_mib'] or 0:.0f} and {row['served_mib'] or 0:.0f} MiB")  # fmt: skip
    return {
        "threads": torch.get_num_threads(),
        "architecture": architecture,
        "engine": kind,
        "peak_tflops": peak,
        "rows": rows,
    }


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.lgnet.bench", description="Time LGNet on this machine.")
    p.add_argument("--sizes", type=int, nargs="+", default=[512, 256])
    p.add_argument("--batch", type=int, default=4, help="images in a batch")
    p.add_argument("--model", default="bundled/lgnet", metavar="NAME")
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
