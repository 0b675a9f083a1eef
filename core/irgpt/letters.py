"""The lesson before the questions: lettered options are answered from words, without an image.

A language model of 135 M parameters answers such questions at chance even when the picture is told to it. It learns to
bind letters to options within some fifty batches of text, and not at all in a hundred batches with image tokens; so the
words come first, in the place that the image takes afterwards.
"""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from torch import Tensor
from transformers.models.internvl import InternVLProcessor

from core.data.questions import lettered
from core.data.templates import TEMPLATES
from core.irgpt.dataset import LETTERED, Talk, encode
from core.irgpt.words import CATEGORIES, UNKNOWN, WORDS

SAMPLES = 2240  # an epoch
MADE_UP = 1120  # the first of them: until letters are bound to options, harder questions teach nothing
MADE_UP_SHARE = 0.25  # of the rest
MOST_WORDS = 10
# any nouns do: what is learnt is to copy the letter of the option that was named
NOUNS = (
    *CATEGORIES, "open sky", "open water", "road traffic seen from a car",
    "buildings against the sky", "ground seen from a drone by day", "ground seen from a drone by night",
    "open ground with wildlife", "built-up area filling the view", "tree", "house", "boat", "horse", "lamp", "train",
    "truck", "river", "bridge", "window", "cat", "chair", "tower", "rock", "fence", "table", "bottle", "clock",
    "ladder", "engine", "garden", "mountain", "street", "field", "roof", "wall", "door", "wheel", "cow", "sheep",
)  # fmt: skip


def samples(
    processor: InternVLProcessor, talks: Sequence[Talk], cells: Mapping[Path, Tensor], rng: random.Random
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless encoded samples: made-up choices among NOUNS, then mostly the talks' questions told in words."""
    asked = [t for t in talks if any(turn[0] in LETTERED for turn in t.turns)]
    for number in itertools.count():
        if number < MADE_UP or rng.random() < MADE_UP_SHARE:
            words, question, answer = _made_up(rng)
        else:
            talk = rng.choice(asked)
            words = _words(cells[talk.image], rng)
            question, answer = rng.choice([turn[1:] for turn in talk.turns if turn[0] in LETTERED])
        yield encode(processor, [(question, answer)], told(processor, words))


def held_out(
    processor: InternVLProcessor, talks: Sequence[Talk], cells: Mapping[Path, Tensor]
) -> list[tuple[Tensor, Tensor]]:
    """One sample of each talk that has a lettered question, drawn by the image's name."""
    made = []
    for talk in talks:
        rng = random.Random(talk.image.name)
        turns = [turn[1:] for turn in talk.turns if turn[0] in LETTERED]
        if turns:
            made.append(encode(processor, [rng.choice(turns)], told(processor, _words(cells[talk.image], rng))))
    return made


def told(processor: InternVLProcessor, words: Sequence[str]) -> str:
    """The words between the marks that later hold the image."""
    return f"{processor.start_image_token} {' '.join(words)}{processor.end_image_token}"


def _words(cells: Tensor, rng: random.Random) -> list[str]:
    """Every word of the cells once or more, in random order."""
    named = [WORDS[index] for index in cells.flatten().tolist() if index != UNKNOWN]
    words = sorted(set(named))
    words += rng.sample(named, min(len(named), rng.randint(0, max(0, MOST_WORDS - len(words)))))
    return rng.sample(words, len(words))


def _made_up(rng: random.Random) -> tuple[list[str], str, str]:
    options = rng.sample(NOUNS, 4)
    right = rng.randrange(4)
    shown = lettered(options)
    question = f"{rng.choice(TEMPLATES['recognition'])}\n{' '.join(shown)}"
    return [options[right]] * rng.randint(1, 4), question, shown[right]
