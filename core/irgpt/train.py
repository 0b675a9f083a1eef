"""Train the bundled IRGPT: words, letters, questions. Resumable: start the same command again."""

import argparse
import functools
import itertools
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers.models.internvl import InternVLProcessor

from core import cli, weights
from core.data.readers import read_all
from core.data.records import Record
from core.device import device
from core.irgpt import letters
from core.irgpt.builders import STAGES, Stage, bundled_config
from core.irgpt.dataset import LETTERED, Talk, caption_talks, collate, encode, image_marks, question_talks
from core.irgpt.loading import BASE, TRAINED, new_model, save_trained
from core.irgpt.model import ThermalInternVL, ThermalTower
from core.irgpt.processor import bundled_processor
from core.irgpt.trainer import (
    Batch,
    Pictures,
    answer_accuracy,
    answer_loss,
    image_tokens,
    prepare,
    run_stage,
    talk_batches,
)
from core.irgpt.words import WORDS, cell_words, word_embeddings, word_logits, word_loss, word_weights

VALIDATION_TALKS = 96
CAPTIONS_KEPT = 6  # one caption conversation in six joins the questions


def load_thermal_clip(tower: ThermalTower) -> None:
    """Start the tower from the vision trunk of the bundled thermal CLIP, which has seen infrared images."""
    state, own = weights.load(weights.bundled("tclip") / "model.safetensors"), tower.backbone.state_dict()
    tower.backbone.load_state_dict({name: state[f"visual.trunk.{name}"] for name in own})


class Words:
    """Batches and validation of the "words" stage, from the boxes, masks and scenes of the data sets' records."""

    def __init__(self, model: ThermalInternVL, pictures: Pictures, tokenizer: Any, records: list[Record], grid: int):
        self.model, self.pictures = model, pictures
        self.cells = {r.image: cell_words(r, grid) for r in records if r.split in ("train", "val")}
        self.train, self.val = ([r.image for r in records if r.split == split] for split in ("train", "val"))
        self.embeddings = word_embeddings(tokenizer, model.get_input_embeddings().weight.detach().float())
        self.weights = word_weights([self.cells[path] for path in self.train]).to(device())

    def _batch(self, paths: list[Path], flip: bool) -> tuple[Tensor, Tensor]:
        lower, cells = self.pictures(paths), torch.stack([self.cells[path] for path in paths]).to(device())
        if flip:
            lower, cells = lower.flip(-1), cells.flip(-1)
        return image_tokens(self.model, lower), cells.flatten(1)

    def batches(self, size: int, seed: int, epoch: int) -> Iterator[Batch]:
        rng = random.Random(f"{seed}/words/{epoch}")
        order = rng.sample(self.train, len(self.train))
        for start in range(0, len(order) - size + 1, size):
            paths, flip = order[start : start + size], rng.random() < 0.5
            yield functools.partial(self._loss, paths, flip)

    def _loss(self, paths: list[Path], flip: bool) -> Tensor:
        return word_loss(*self._batch(paths, flip), self.embeddings, self.weights)

    @torch.no_grad()
    def validate(self) -> dict[str, Any]:
        """Loss, and the recall of each word over the cells of the validation part."""
        losses, hits, seen = [], torch.zeros(len(WORDS)), torch.zeros(len(WORDS))
        for start in range(0, len(self.val), 32):
            tokens, cells = self._batch(self.val[start : start + 32], flip=False)
            losses.append(word_loss(tokens, cells, self.embeddings, self.weights).item())
            right = word_logits(tokens.float(), self.embeddings).argmax(-1) == cells
            for index in range(len(WORDS)):
                seen[index] += (cells == index).sum().cpu()
                hits[index] += right[cells == index].sum().cpu()
        recalls = {word: round((hits[i] / seen[i]).item(), 3) for i, word in enumerate(WORDS) if seen[i]}
        return {"loss": sum(losses) / len(losses), "recall": recalls}


def train(args: argparse.Namespace) -> dict[str, Any]:
    """All stages; the trained parts, config and processor end in `--out`, with metrics.json."""
    torch.manual_seed(args.seed)
    stages = [replace(s, epochs=e) for s, e in zip(STAGES, args.epochs or [s.epochs for s in STAGES], strict=True)]
    talks = {
        name: [read([f / f"{part}.{name}.jsonl" for f in args.data], args.images) for part in ("train", "val")]
        for name, read in (("captions", caption_talks), ("questions", question_talks))
    }
    talks["questions"][0] += talks["captions"][0][::CAPTIONS_KEPT]  # what the captions taught shall not be forgotten
    gguf = weights.base_model(BASE)
    processor = bundled_processor(gguf)
    model = new_model(bundled_config(), gguf)
    load_thermal_clip(model.model.vision_tower)
    prepare(model)
    pictures = Pictures(model, processor)
    record: dict[str, Any] = {"seed": args.seed, "images": len({t.image for t in talks["questions"][0]}), "stages": []}

    grid = int(processor.image_seq_length**0.5)
    words = Words(model, pictures, processor.tokenizer, read_all(args.images), grid)
    for stage in stages:
        if stage.name == "words":
            batches: Callable[[int], Iterator[Batch]] = functools.partial(words.batches, stage.batch, args.seed)
            steps, validate = len(words.train) // stage.batch, words.validate
        elif stage.name == "letters":
            train_talks, val_talks = talks["questions"]
            seeded = functools.partial(letters.samples, processor, train_talks, words.cells)
            batches = functools.partial(_letter_batches, model, processor, stage, seeded, args.seed)
            steps = letters.SAMPLES // stage.batch
            told = letters.held_out(processor, _drawn(val_talks, args.seed), words.cells)
            validate = functools.partial(answer_accuracy, model, processor, told)
        else:
            train_talks, val_talks = talks["questions"]
            batches = functools.partial(_question_batches, model, processor, pictures, train_talks, stage, args.seed)
            steps = -(-len(train_talks) // stage.batch)
            validate = functools.partial(_look, model, processor, pictures, _drawn(val_talks, args.seed))
        record["stages"].append(run_stage(stage, model, batches, steps, validate, args.out))

    save_trained(model, args.out)
    processor.save_pretrained(args.out)
    (args.out / "metrics.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"Trained parts: {args.out / TRAINED}. Try: python -m core.irgpt.ask IMAGE QUESTION --model {args.out}")
    return record


def _letter_batches(
    model: ThermalInternVL,
    processor: InternVLProcessor,
    stage: Stage,
    seeded: Callable[[random.Random], Iterator[tuple[Tensor, Tensor]]],
    seed: int,
    epoch: int,
) -> Iterator[Batch]:
    stream = seeded(random.Random(f"{seed}/letters/{epoch}"))
    for _ in range(letters.SAMPLES // stage.batch):
        ids, loss_weights = collate(list(itertools.islice(stream, stage.batch)), processor.tokenizer.pad_token_id)
        yield functools.partial(answer_loss, model, None, ids.to(device()), loss_weights.to(device()))


def _question_batches(
    model: ThermalInternVL,
    processor: InternVLProcessor,
    pictures: Pictures,
    talks: list[Talk],
    stage: Stage,
    seed: int,
    epoch: int,
) -> Iterator[Batch]:
    return talk_batches(model, processor, pictures, talks, stage, f"{seed}/{stage.name}/{epoch}")


def _drawn(talks: list[Talk], seed: int) -> list[Talk]:
    """The validation part that is looked at: talks with lettered questions."""
    lettered = [talk for talk in talks if any(turn[0] in LETTERED for turn in talk.turns)]
    return random.Random(seed).sample(lettered, min(VALIDATION_TALKS, len(lettered)))


def _look(
    model: ThermalInternVL, processor: InternVLProcessor, pictures: Pictures, talks: list[Talk]
) -> dict[str, float]:
    """Loss and accuracy on one lettered question a talk, and the accuracy without the image."""
    asked = []
    for talk in talks:
        turns = [turn[1:] for turn in talk.turns if turn[0] in LETTERED]
        asked.append([random.Random(talk.image.name).choice(turns)])
    sighted = [encode(processor, turns, image_marks(processor)) for turns in asked]
    blind = [encode(processor, turns) for turns in asked]
    figures = answer_accuracy(
        model, processor, sighted, lambda start, stop: pictures([talk.image for talk in talks[start:stop]])
    )
    return {**figures, "blind_accuracy": answer_accuracy(model, processor, blind)["accuracy"]}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.irgpt.train", description=__doc__)
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="folders that core.data.build wrote (several seeds)"
    )
    parser.add_argument(
        "--images", type=Path, required=True, help="folder of the data sets, to which image names are relative"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and checkpoints")
    parser.add_argument(
        "--epochs", type=float, nargs=3, metavar=("WORDS", "LETTERS", "QUESTIONS"), help="passes a stage"
    )
    parser.add_argument("--seed", type=int, default=0)
    cli.run(parser, train)


if __name__ == "__main__":
    main()
