import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize("kills", [3, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_every_acknowledged_save_survives_kill_9_and_the_next_start_needs_nobody(kills: int) -> None:
    command = [sys.executable, "-m", "tests.labeling.killing", "--kills", str(kills), "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert report["kills"] == report["whole"] == kills and report["lost"] == 0 and report["saves"] >= kills
