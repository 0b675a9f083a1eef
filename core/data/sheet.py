"""`python -m core.data.sheet`: contact sheets of questions and captions drawn at random from a build, to be looked at.

Questions come in equal numbers a task. Answers with boxes and points are drawn into the image; all else stands below it
under the item's number, so that right and wrong can be tallied by number.
"""

import argparse
import json
import random
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from core.cli import run
from core.data.conversations import read_conversations
from core.errors import InputError
from core.irgpt.answers import parse_answer
from core.thermal import read_thermal

COLUMNS, ROWS = 3, 2
WIDTH, HEIGHT = 560, 450  # pixels of an image in a sheet
LINE, LETTERS = 17, 76  # pixels a line of text, letters in one
TEXT_LINES = {"questions": 5, "captions": 13}
RED = (255, 60, 60)


def drawn_questions(built: Path, number: int, seed: int) -> list[dict[str, Any]]:
    """`number` questions of a build in random order, equally many a task as far as they go. Raises InputError."""
    tasks: dict[str, list[dict[str, Any]]] = {}
    for name in ("instruction.jsonl", "benchmark.jsonl"):
        if not (built / name).is_file():
            raise InputError(f"{built} holds no {name}; make one with python -m core.data.build.")
        for row in read_conversations(built / name):
            tasks.setdefault(row["task"], []).append(row)
    rng, drawn = random.Random(seed), list[dict[str, Any]]()
    for position, task in enumerate(sorted(tasks, key=lambda task: len(tasks[task]))):  # the scarce ones first
        share = (number - len(drawn)) // (len(tasks) - position)
        drawn += rng.sample(tasks[task], min(share, len(tasks[task])))
    rng.shuffle(drawn)
    return drawn


def drawn_captions(built: Path, number: int, seed: int) -> list[dict[str, Any]]:
    """`number` caption rows of a build's three splits. Raises InputError."""
    files = [built / f"{split}.captions.jsonl" for split in ("train", "val", "test")]
    rows = [json.loads(line) for file in files if file.is_file() for line in file.read_text("utf-8").splitlines()]
    if not rows:
        raise InputError(f"{built} holds no captions; make some with python -m core.data.build.")
    return random.Random(seed).sample(rows, min(number, len(rows)))


def tile(image: Path, text: Sequence[str], lines: int, answer: str = "") -> Image.Image:
    """RGB: the image with the answer's boxes and points, and the text below it, one paragraph a string."""
    shown = Image.fromarray(read_thermal(image).view8()).convert("RGB")
    scale = min(WIDTH / shown.width, HEIGHT / shown.height)
    said = parse_answer(answer, shown.width, shown.height)
    shown = shown.resize((round(shown.width * scale), round(shown.height * scale)), Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", (WIDTH + 8, HEIGHT + LINE * lines + 8), "white")
    canvas.paste(shown, (4, 4))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(LINE - 3)
    for x1, y1, x2, y2 in said.boxes:
        draw.rectangle((scale * x1, scale * y1, scale * x2 + 8, scale * y2 + 8), outline=RED)  # 4 pixels around
    for place, (x, y) in enumerate(said.points, 1):
        draw.ellipse((scale * x + 1, scale * y + 1, scale * x + 7, scale * y + 7), outline=RED)
        draw.text((scale * x + 9, scale * y - 6), str(place), RED, font)
    wrapped = [line for paragraph in text for line in textwrap.wrap(paragraph, LETTERS) or [""]]
    for number, line in enumerate(wrapped[:lines]):
        draw.text((6, HEIGHT + 6 + LINE * number), line, "black", font)
    return canvas


def sheets(tiles: Sequence[Image.Image]) -> Iterator[Image.Image]:
    """2 rows of 3 tiles each."""
    for start in range(0, len(tiles), COLUMNS * ROWS):
        width, height = tiles[0].size
        sheet = Image.new("RGB", (COLUMNS * width, ROWS * height), "white")
        for place, own in enumerate(tiles[start : start + COLUMNS * ROWS]):
            sheet.paste(own, (place % COLUMNS * width, place // COLUMNS * height))
        yield sheet


def command(args: argparse.Namespace) -> dict[str, Any]:
    asked = drawn_questions(args.built, args.questions, args.seed)
    told = drawn_captions(args.built, args.captions, args.seed)
    made: dict[str, list[Image.Image]] = {"questions": [], "captions": []}
    for number, row in enumerate(asked, 1):
        question, answer = (turn["value"].replace("<image>", "").strip() for turn in row["conversations"][:2])
        text = [f"Q{number} {row['task']} {row['id']}", question.replace("\n", " | "), f"-> {answer}"]
        made["questions"].append(tile(_find(args, row["image"]), text, TEXT_LINES["questions"], answer))
    for number, row in enumerate(told, 1):
        texts = [str(row.get(f"caption_{name}", "")) for name in ("global", "fine", "ir_aware", "inferred")]
        text = [f"C{number} {row['id']}", *texts]
        made["captions"].append(tile(_find(args, row["image"]), text, TEXT_LINES["captions"]))
    args.out.mkdir(parents=True, exist_ok=True)
    files = []
    for name, tiles in made.items():
        for number, sheet in enumerate(sheets(tiles), 1):
            files.append(args.out / f"{name}{number:02}.png")
            sheet.save(files[-1])
    print(f"{len(asked)} questions and {len(told)} captions on {len(files)} sheets in {args.out}")
    return {"questions": [row["id"] for row in asked], "captions": [row["id"] for row in told],
            "sheets": [file.name for file in files], "seed": args.seed}  # fmt: skip


def _find(args: argparse.Namespace, image: str | list[str]) -> Path:
    """An image under --data, or one that the build made."""
    name = image if isinstance(image, str) else image[0]
    return next((path for path in (args.data / name, args.built / name) if path.is_file()), args.data / name)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.data.sheet", description=__doc__)
    parser.add_argument("--built", type=Path, required=True, help="what core.data.build made")
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the data sets")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the sheets go (PNG)")
    parser.add_argument("--questions", type=int, default=200, metavar="N")
    parser.add_argument("--captions", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    run(parser, command)


if __name__ == "__main__":
    main()
