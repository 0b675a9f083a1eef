"""Every command of the contract exists, answers --help and refuses bad input with one line and exit code 2."""

import subprocess
import sys

import pytest

from tests.commands import run_command

CONTRACT = [
    "core.lgnet.segment",
    "core.lgnet.evaluate",
    "core.lgnet.train",
    "core.tclip.search",
    "core.tclip.evaluate",
    "core.tclip.train",
    "core.irgpt.ask",
    "core.irgpt.evaluate",
    "core.irgpt.train",
    "core.data.build",
    "labeling.export",
    "labeling.restore",
]
OURS = [
    "core.lgnet.filters",
    "core.lgnet.bench",
    "core.lgnet.calibrate",
    "core.lgnet.complexity",
    "core.lgnet.ablation",
    "core.lgnet.card",
    "core.langir.describe",
    "core.langir.words",
    "core.irgpt.bench",
    "core.data.describe",
    "core.data.sheet",
    "core.data.official",
    "core.data.cropping",
    "core.data.bench",
    "core.simulate",
    "core.manifest",
    "labeling.bench",
    "ui.bring",
    "ui.passwords",
]


@pytest.mark.parametrize("command", CONTRACT + OURS)
def test_a_command_answers_help_and_offers_json(command):
    result = run_command(command, "--help")
    assert result.code == 0 and f"python -m {command}" in result.out and "--json" in result.out


def one_clear_line(result, name):
    assert result.code == 2, (result.code, result.err)
    lines = [x for x in result.err.strip().splitlines() if x]
    assert len(lines) == 1 and lines[0].startswith("error: ") and "Traceback" not in result.err, result.err
    assert name in lines[0]


@pytest.mark.parametrize("kind", ["corrupt.png", "bomb.png", "text.png", "empty.png", "traversal"])
@pytest.mark.parametrize("command", ["core.lgnet.segment", "core.irgpt.ask", "core.tclip.search"])
def test_a_hostile_image_is_one_line_and_exit_code_two(command, kind, hostile, tmp_path):
    path = hostile[kind]
    arguments = {
        "core.lgnet.segment": [path, "--out", tmp_path / "masks"],
        "core.irgpt.ask": [path, "What is in the picture?"],
        "core.tclip.search": ["--images", "examples", "--image", path, "--top", 1],
    }[command]
    one_clear_line(run_command(command, *arguments), path.name)


def test_a_real_process_ends_with_code_two_and_without_a_traceback(hostile):
    command = [sys.executable, "-m", "core.lgnet.segment", str(hostile["text.png"]), "--out", "unused"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2 and "Traceback" not in result.stderr
