"""Score a model on task questions from held-out images, beside the best constant answer.

`--blind` asks the same model the same questions without the image: the image part of the message is left out, so no
image tokens are read. The bundled model saw a tenth of its training conversations that way, so the figure measures
what question wording and answer habits give away, not surprise. Rules of scoring: core.irgpt.metrics; answers that
can't be read count as wrong. `psum` and `nsum` add up the tasks that occur (the paper's sums need all nine).
"""

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from core import cli
from core.data.conversations import Conversation, read_conversations
from core.errors import InputError
from core.irgpt.metrics import NEGATIVE, POSITIVE, constant_score, score
from core.irgpt.predictor import IRGPT
from core.irgpt.processor import picture
from core.thermal import read_thermal

# Greedy decoding up to this many new tokens; digits are one token each, a point takes 13.
MAX_NEW_TOKENS = {"location": 150, "grounding": 36, "security": 32, "scene": 20, "recognition": 12}
OTHER_NEW_TOKENS = 8


@torch.inference_mode()
def answers(irgpt: IRGPT, task: str, questions: Sequence[tuple[str, Path | None]]) -> list[str]:
    """One batch of (question, image or None) -> answers, decoded together."""
    conversations = []
    for question, path in questions:
        image = [] if path is None else [{"type": "image", "image": picture(read_thermal(path))}]
        conversations.append([{"role": "user", "content": [*image, {"type": "text", "text": question}]}])
    irgpt.processor.tokenizer.padding_side = "left"
    batch = irgpt.processor.apply_chat_template(
        conversations,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True},
    ).to(irgpt.model.device)
    tokens = irgpt.model.generate(**batch, max_new_tokens=MAX_NEW_TOKENS.get(task, OTHER_NEW_TOKENS), do_sample=False)
    said = tokens[:, batch["input_ids"].shape[1] :]
    return [text.strip() for text in irgpt.processor.tokenizer.batch_decode(said, skip_special_tokens=True)]


def choose(rows: Iterable[Conversation], limit: int | None, seed: int = 0) -> dict[str, list[Conversation]]:
    """Questions by task, at most `limit` each, drawn at random with a fixed seed."""
    tasks: dict[str, list[Conversation]] = defaultdict(list)
    for row in rows:
        if row.get("task") not in POSITIVE + NEGATIVE:
            raise InputError(
                f"'{row.get('task')}' is no task; each line needs a task of {', '.join(POSITIVE + NEGATIVE)}."
            )
        tasks[row["task"]].append(row)
    if not tasks:
        raise InputError("The questions file is empty; build one with core.data.build.")
    return {t: random.Random(seed).sample(r, min(limit or len(r), len(r))) for t, r in tasks.items()}


def evaluate(args: argparse.Namespace) -> dict[str, Any]:
    """tasks: {name: {n, score, constant}}, psum, nsum, blind, model, seconds."""
    tasks = {t: rows for t, rows in choose(read_conversations(args.questions), args.limit).items() if t in args.tasks}
    if not tasks:
        raise InputError(f"The file asks none of {', '.join(args.tasks)}; choose other --tasks.")
    irgpt = IRGPT.from_weights(args.model, None if args.bf16 else "nf4")
    started, figures = time.monotonic(), {}
    print(f"{'task':22}{'n':>6}{'score':>9}{'constant':>10}")
    for task in (t for t in POSITIVE + NEGATIVE if t in tasks):
        scores, labels = [], []
        rows = sorted(tasks[task], key=lambda row: len(row["conversations"][0]["value"]))  # little padding
        for start in range(0, len(rows), args.batch):
            chunk = rows[start : start + args.batch]
            asked = [row["conversations"][0]["value"].replace("<image>", "").strip() for row in chunk]
            names = [row["image"] if isinstance(row["image"], str) else row["image"][0] for row in chunk]
            paths = [None if args.blind else args.images / name for name in names]
            said = answers(irgpt, task, list(zip(asked, paths, strict=True)))
            truth = [row["conversations"][1]["value"].strip() for row in chunk]
            scores += [score(task, *pair) for pair in zip(said, truth, strict=True)]
            labels += truth
        mean = sum(scores) / len(scores)
        figures[task] = {"n": len(scores), "score": round(mean, 2), "constant": round(constant_score(task, labels), 2)}
        print(f"{task:22}{len(scores):6}{mean:9.2f}{figures[task]['constant']:10.2f}", flush=True)
    psum, nsum = (round(sum(figures[t]["score"] for t in names if t in figures), 2) for names in (POSITIVE, NEGATIVE))
    print(f"psum {psum}  nsum {nsum}  ({'without' if args.blind else 'with'} image)")
    seconds = round(time.monotonic() - started, 1)
    return {"tasks": figures, "psum": psum, "nsum": nsum, "blind": args.blind, "model": args.model, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.irgpt.evaluate", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--questions", type=Path, required=True, help="JSON lines in IR-TD's format with a task each")
    parser.add_argument("--images", type=Path, required=True, help="folder to which the image names are relative")
    parser.add_argument("--model", default="bundled/irgpt", help="bundled/irgpt, a local folder, or a Hub id")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 instead of 4-bit NF4")
    parser.add_argument("--blind", action="store_true", help="the same model without the image")
    parser.add_argument("--tasks", nargs="+", default=POSITIVE + NEGATIVE, choices=POSITIVE + NEGATIVE, metavar="TASK")
    parser.add_argument("--limit", type=int, help="at most this many questions a task")
    parser.add_argument("--batch", type=int, default=16)
    cli.run(parser, evaluate)


if __name__ == "__main__":
    main()
