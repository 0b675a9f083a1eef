import itertools
import random
import re
from pathlib import Path

import pytest
import torch

from core.irgpt import letters
from core.irgpt.dataset import LETTER_SHARE, LETTERED, Talk, encode
from core.irgpt.trainer import answer_accuracy, prepare
from core.irgpt.words import WORDS

PATH = Path("a.png")
CELLS = {PATH: torch.tensor([[WORDS.index("sky"), WORDS.index("drone")]])}
TALKS = [
    Talk(
        PATH, (("recognition", "Which?\n(A) car (B) drone (C) dog (D) bird", "(B) drone"), ("location", "Where?", "x"))
    )
]


def drawn(processor, count: int) -> list[str]:
    stream = letters.samples(processor, TALKS, CELLS, random.Random(0))
    return [processor.tokenizer.decode(ids) for ids, _ in itertools.islice(stream, count)]


def test_the_option_that_the_words_name_is_the_answer(processor):
    for text in drawn(processor, 50):
        told, letter, answer = re.fullmatch(
            r".*<img> (.*)</img>\n.*assistant\n\((\w)\) (.*)<\|im_end\|>\n", text, re.DOTALL
        ).groups()
        assert answer in told
        assert f"({letter}) {answer}" in text.split("assistant")[0]


def test_made_up_choices_come_first_and_only_lettered_questions_later(processor, monkeypatch):
    monkeypatch.setattr(letters, "MADE_UP", 5)
    monkeypatch.setattr(letters, "MADE_UP_SHARE", 0)
    texts = drawn(processor, 30)
    assert not any("Which?" in text for text in texts[:5])
    assert all("Which?" in text and "sky" in text.split("</img>")[0] for text in texts[5:])


def test_no_letter_is_preferred(processor):
    answers = [re.search(r"assistant\n\((\w)\)", text).group(1) for text in drawn(processor, 400)]
    assert all(70 < answers.count(letter) < 130 for letter in "ABCD")


def test_option_letters_carry_their_share_of_the_loss(processor):
    ids, weights = encode(processor, [("Which?\n(A) car (B) dog", "(A) car (B) dog")])
    carried = {processor.tokenizer.decode(ids[i]): weights[i].item() for i in weights.nonzero().flatten().tolist()}
    assert carried["A"] == carried["B"] == pytest.approx(LETTER_SHARE / 2)
    assert weights.sum().item() == pytest.approx(1)


def test_held_out_samples_are_the_same_every_time(processor):
    first, again = (letters.held_out(processor, TALKS, CELLS) for _ in range(2))
    assert len(first) == 1 and torch.equal(first[0][0], again[0][0])
    assert TALKS[0].turns[0][0] in LETTERED


def test_accuracy_is_that_of_greedy_decoding(model, processor):
    model.get_input_embeddings().weight.data *= 20
    prepare(model)
    prompts = [f"q{number}" for number in range(12)]
    said = []
    for prompt in prompts:
        ids, weights = encode(processor, [(prompt, "x")])
        start = int(weights.nonzero()[0])
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            said.append(model(input_ids=ids[None, :start]).logits[0, -1].argmax().item())
    # the answer to every second question is what the model says, one token and no end
    samples = []
    for number, (prompt, token) in enumerate(zip(prompts, said, strict=True)):
        ids, weights = encode(processor, [(prompt, "x")])
        start = int(weights.nonzero()[0])
        ids[start] = token if number % 2 else (token + 1) % len(processor.tokenizer)
        weights[start + 1 :] = 0
        samples.append((ids, weights))
    assert answer_accuracy(model, processor, samples)["accuracy"] == pytest.approx(0.5)
