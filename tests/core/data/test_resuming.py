"""A build that is killed, spread over processes or run by Ray ends in the bytes of one that ran through alone."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.data import shards
from core.data.build import build
from tests.core.data.scenes import files_of, hit_uav_folder

CHILD = "from core.data import build, shards; shards.SHARD = 4; build.main()"


def start(data: Path, out: Path) -> subprocess.Popen[bytes]:
    """The build command in shards of 4 records, in a process group of its own."""
    command = [sys.executable, "-c", CHILD, "--data", str(data), "--out", str(out), "--num-proc", "1"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)


def test_a_build_killed_at_random_moments_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out, seed = hit_uav_folder(tmp_path / "data"), tmp_path / "out", random.randrange(10**6)
    monkeypatch.setattr(shards, "SHARD", 4)
    build(data, tmp_path / "whole")
    rng = random.Random(seed)
    for files in sorted(rng.sample(range(1, 30), 2)):  # 10 shards, a file for each of three stages
        running = start(data, out)
        while running.poll() is None and sum(1 for _ in (out / ".work").glob("**/*.jsonl")) < files:
            time.sleep(0.005)
        time.sleep(rng.random() / 10)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert start(data, out).wait() == 0
    assert files_of(out) == files_of(tmp_path / "whole"), f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_two_processes_and_ray_make_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, request: pytest.FixtureRequest
) -> None:
    if engine == "ray":
        ray = pytest.importorskip("ray", reason="--engine ray IS NOT TESTED: pip install 'ray[data]'")
        request.addfinalizer(ray.shutdown)
    data = hit_uav_folder(tmp_path / "data")
    monkeypatch.setattr(shards, "SHARD", 16)
    build(data, tmp_path / "alone")
    build(data, tmp_path / "spread", num_proc=2, engine=engine)
    assert files_of(tmp_path / "alone") == files_of(tmp_path / "spread")
