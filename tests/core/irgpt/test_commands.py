import json
import subprocess
import sys

import pytest
from PIL import Image

from core.irgpt import ask, evaluate


@pytest.fixture
def bundle(irgpt, tmp_path):
    irgpt.model.save_pretrained(tmp_path / "toy")
    irgpt.processor.save_pretrained(tmp_path / "toy")
    return tmp_path / "toy"


def call(monkeypatch, module, *args) -> None:
    monkeypatch.setattr(sys, "argv", ["prog", *map(str, args)])
    module.main()


def test_ask_writes_the_contracts_keys(monkeypatch, bundle, tmp_path, capsys):
    Image.new("L", (30, 20), 90).save(tmp_path / "a.png")
    call(
        monkeypatch,
        ask,
        tmp_path / "a.png",
        "What?",
        "--model",
        bundle,
        "--bf16",
        "--max-tokens",
        4,
        "--json",
        tmp_path / "o.json",
    )
    result = json.loads((tmp_path / "o.json").read_text())
    assert set(result) == {"answer", "boxes", "points", "count"}
    assert result["answer"] in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["corrupt.png", "bomb.png", "text.png", "empty.png"])
def test_hostile_images_end_ask_with_one_line_and_exit_code_2(monkeypatch, hostile, kind, capsys):
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, ask, hostile[kind], "What?")
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def questions(path, rows) -> None:
    with path.open("w") as file:
        for task, question, answer in rows:
            turns = [{"from": "human", "value": f"<image>\n{question}"}, {"from": "gpt", "value": answer}]
            file.write(json.dumps({"id": "1", "image": "a.png", "task": task, "conversations": turns}) + "\n")


@pytest.mark.parametrize("blind", [False, True])
def test_evaluate_writes_every_task_and_both_sums(monkeypatch, bundle, tmp_path, blind):
    Image.new("L", (30, 20), 90).save(tmp_path / "a.png")
    rows = [
        ("scene", "Where?", "(A) sky"),
        ("relationship", "Is it?", "yes"),
        ("aerial_counting", "How many?", "<num>3</num>"),
    ]
    questions(tmp_path / "q.jsonl", rows * 2)
    flags = ["--blind"] if blind else []
    call(monkeypatch, evaluate, "--questions", tmp_path / "q.jsonl", "--images", tmp_path, "--model", bundle, "--bf16",
         "--json", tmp_path / "o.json", *flags)  # fmt: skip
    result = json.loads((tmp_path / "o.json").read_text())
    assert result["blind"] is blind
    assert {task: figures["n"] for task, figures in result["tasks"].items()} == {
        "scene": 2, "relationship": 2, "aerial_counting": 2,
    }  # fmt: skip
    assert result["psum"] == pytest.approx(result["tasks"]["scene"]["score"] + result["tasks"]["relationship"]["score"])
    assert result["nsum"] == pytest.approx(result["tasks"]["aerial_counting"]["score"])


def test_evaluate_asks_only_the_chosen_tasks(monkeypatch, bundle, tmp_path, capsys):
    Image.new("L", (30, 20), 90).save(tmp_path / "a.png")
    questions(tmp_path / "q.jsonl", [("scene", "Where?", "(A) sky"), ("relationship", "Is it?", "yes")])
    flags = ["--questions", tmp_path / "q.jsonl", "--images", tmp_path, "--model", bundle, "--bf16"]
    call(monkeypatch, evaluate, *flags, "--json", tmp_path / "o.json", "--tasks", "scene")
    assert set(json.loads((tmp_path / "o.json").read_text())["tasks"]) == {"scene"}
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, evaluate, *flags, "--tasks", "security")
    assert end.value.code == 2 and "security" in capsys.readouterr().err


def test_batched_answers_equal_single_ones(irgpt, tmp_path):
    Image.new("L", (30, 20), 90).save(tmp_path / "a.png")
    asked = [("Is it?", tmp_path / "a.png"), ("How many things are there in it?", tmp_path / "a.png")]
    together = evaluate.answers(irgpt, "scene", asked)
    assert together == [evaluate.answers(irgpt, "scene", [one])[0] for one in asked]


def test_a_question_without_a_known_task_is_named(monkeypatch, tmp_path, capsys):
    questions(tmp_path / "q.jsonl", [("poetry", "Rhyme?", "no")])
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, evaluate, "--questions", tmp_path / "q.jsonl", "--images", tmp_path)
    assert end.value.code == 2 and "poetry" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["ask", "evaluate", "train"])
def test_every_command_answers_help(command, monkeypatch, capsys):
    module = __import__(f"core.irgpt.{command}", fromlist=["main"])
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, module, "--help")
    assert end.value.code == 0 and "--json" in capsys.readouterr().out


@pytest.mark.slow
def test_asking_the_bundled_model_works_from_the_shell(tmp_path):
    Image.new("L", (64, 64), 90).save(tmp_path / "a.png")
    command = [sys.executable, "-m", "core.irgpt.ask", str(tmp_path / "a.png"), "How many people are in the picture?"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
