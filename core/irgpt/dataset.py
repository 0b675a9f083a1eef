"""Conversations as the language model reads them: several questions on one image, loss on the answers only."""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor
from transformers.models.internvl import InternVLProcessor

from core.data.conversations import read_conversations
from core.errors import InputError

LETTERED = ("recognition", "scene", "security")  # tasks whose answers are lettered options
# The chance that a question of a task joins a conversation: answers that name things first, lists of digits last.
SHARES = dict.fromkeys(LETTERED, 1.0) | {"aerial_counting": 0.3, "pedestrian_counting": 0.3}
OTHER_SHARE = 0.1
LETTER_SHARE = 0.7  # of an answer's loss, on its option letters: all the rest of it can be copied once they are right
MAX_TOKENS = 320  # of a conversation, image included
CAPTION_PROMPTS = ("Describe this picture in detail.", "Describe the heat in this picture.")


@dataclass(frozen=True)
class Talk:
    """All questions and answers about one image."""

    image: Path
    turns: tuple[tuple[str, str, str], ...]  # (task, question, answer)


def question_talks(files: Iterable[Path], images: Path) -> list[Talk]:
    """Questions files -> one Talk an image and file."""
    talks = []
    for file in files:
        by_image: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for row in read_conversations(file):
            question, answer = (turn["value"] for turn in row["conversations"][:2])
            by_image[row["image"]].append(
                (row.get("task", ""), question.removeprefix("<image>").strip(), answer.strip())
            )
        talks += [Talk(images / name, tuple(turns)) for name, turns in by_image.items()]
    return talks


def caption_talks(files: Iterable[Path], images: Path) -> list[Talk]:
    """Captions files -> one Talk an image and file, its turns the global and the fine caption."""
    talks = []
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            try:
                row = json.loads(line)
                answers = (row["caption_global"], row["caption_fine"])
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(f"{file.name}, line {number}: not a caption record; build the file again.") from error
            turns = (("caption", *pair) for pair in zip(CAPTION_PROMPTS, answers, strict=True))
            talks.append(Talk(images / row["image"], tuple(turns)))
    return talks


def pick_turns(talk: Talk, rng: random.Random, most: int = 3) -> list[tuple[str, str]]:
    """A random selection of a talk's turns in random order, at least one."""
    turns = list(talk.turns)
    rng.shuffle(turns)
    chosen = [turn for turn in turns if turn[0] == "caption" or rng.random() < SHARES.get(turn[0], OTHER_SHARE)]
    return [(question, answer) for _, question, answer in (chosen or turns[:1])[:most]]


def image_marks(processor: InternVLProcessor) -> str:
    """What stands for an image in a prompt's text."""
    return processor.start_image_token + processor.image_token * processor.image_seq_length + processor.end_image_token


def encode(processor: InternVLProcessor, turns: Sequence[tuple[str, str]], first: str = "") -> tuple[Tensor, Tensor]:
    """Token ids (L,) and loss weights (L,): each answer's tokens (its end included) sum to 1, all others are 0.

    `first` stands before the first question: `image_marks`, or nothing, which is what --blind gives the model; the
    prompt then equals what the processor makes of the same messages. Turns past MAX_TOKENS are dropped, the first
    is always kept.
    """
    messages: list[dict[str, str]] = []
    ids = mask = None
    for question, answer in turns:
        content = f"{first}\n{question}" if first and not messages else question
        messages += [{"role": "user", "content": content}, {"role": "assistant", "content": answer}]
        encoded = processor.tokenizer.apply_chat_template(
            messages, chat_template=processor.chat_template, return_dict=True, return_assistant_tokens_mask=True
        )
        if ids is not None and len(encoded["input_ids"]) > MAX_TOKENS:
            break
        ids, mask = encoded["input_ids"], encoded["assistant_masks"]
    if ids is None or mask is None:
        raise ValueError("a conversation needs at least one turn")
    weights, start = torch.zeros(len(ids)), None
    for position, flag in enumerate([*mask, 0]):
        if flag and start is None:
            start = position
        elif not flag and start is not None:
            weights[start:position] = _answer_weights(processor.tokenizer.convert_ids_to_tokens(ids[start:position]))
            start = None
    return torch.tensor(ids), weights


def _answer_weights(tokens: Sequence[str]) -> Tensor:
    """Even, or with LETTER_SHARE on the option letters where the answer is one of lettered options; sum 1."""
    letters = torch.tensor([token in "ABCD" and before.endswith("(") for before, token in pairwise(["", *tokens])])
    if not letters.any():
        return torch.full((len(tokens),), 1 / len(tokens))
    return torch.where(letters, LETTER_SHARE / letters.sum(), (1 - LETTER_SHARE) / (~letters).sum())


def collate(samples: Sequence[tuple[Tensor, Tensor]], pad: int) -> tuple[Tensor, Tensor]:
    """Right-padded ids (B, L) and weights (B, L); causal attention makes a mask for right padding needless."""
    ids, weights = zip(*samples, strict=True)
    pad_sequence = torch.nn.utils.rnn.pad_sequence
    return pad_sequence(list(ids), batch_first=True, padding_value=pad), pad_sequence(list(weights), batch_first=True)
