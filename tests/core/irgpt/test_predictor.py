import threading

import numpy as np
import pytest
import torch

from core.errors import InputError
from core.irgpt.predictor import IRGPT
from core.thermal import from_array


def uncached(irgpt: IRGPT, image, turns: list[str], answers: list[str], tokens: int) -> str:
    """What transformers' own greedy generate says to the whole conversation, nothing cached."""
    from core.irgpt.processor import picture

    messages = []
    for number, question in enumerate(turns):
        part = [{"type": "image", "image": picture(image)}] if number == 0 else []
        messages.append({"role": "user", "content": [*part, {"type": "text", "text": question}]})
        if number < len(answers):
            messages.append({"role": "assistant", "content": [{"type": "text", "text": answers[number]}]})
    batch = irgpt.processor.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    said = irgpt.model.generate(**batch, max_new_tokens=tokens, do_sample=False)[0, batch["input_ids"].shape[1] :]
    return irgpt.processor.tokenizer.decode(said, skip_special_tokens=True)


def count_vision_calls(irgpt: IRGPT) -> list[int]:
    calls: list[int] = []
    irgpt.model.model.vision_tower.register_forward_hook(lambda *_: calls.append(1))
    return calls


def test_cached_answers_equal_uncached_ones_over_several_turns(irgpt, image):
    session = irgpt.session(image)
    questions, said = ["What is it?", "Where?", "How many?"], []
    for number in range(3):
        expected = uncached(irgpt, image, questions[: number + 1], said, tokens=12)
        said.append(session.answer(questions[number], max_new_tokens=12))
        assert said[-1] == expected


def test_the_image_is_read_once_and_follow_ups_read_only_their_own_tokens(irgpt, image):
    calls = count_vision_calls(irgpt)
    session = irgpt.session(image)
    assert len(calls) == 1
    session.answer("What is it?", max_new_tokens=3)
    lengths: list[int] = []
    irgpt.model.model.language_model.register_forward_pre_hook(
        lambda _, args, kwargs: lengths.append(kwargs["inputs_embeds"].shape[1]), with_kwargs=True
    )
    session.answer("Where?", max_new_tokens=3)
    assert len(calls) == 1
    assert lengths[0] < len("<|im_end|>\n<|im_start|>user\nWhere?<|im_end|>\n<|im_start|>assistant\n") + 4


def test_two_images_get_two_answers_streams(irgpt, image):
    other = from_array(255 - image.pixels)
    first, second = irgpt.session(image), irgpt.session(other)
    assert not torch.equal(first._cache.layers[0].values, second._cache.layers[0].values)


def test_closing_the_stream_frees_the_model_within_a_token(irgpt, image):
    session = irgpt.session(image)
    steps: list[int] = []
    irgpt.model.model.language_model.register_forward_hook(lambda *_: steps.append(1))
    stream = session.ask("Tell me everything.", max_new_tokens=500)
    next(stream)
    assert irgpt.lock.locked()
    before = len(steps)
    stream.close()
    assert not irgpt.lock.locked()
    assert len(steps) - before <= 1
    assert isinstance(session.answer("And now?", max_new_tokens=4), str)  # the conversation goes on


def test_a_stopped_answer_stays_in_the_conversation_as_far_as_it_came(irgpt, image):
    session = irgpt.session(image)
    stream = session.ask("Tell me everything.", max_new_tokens=500)
    piece = next(stream)
    stream.close()
    assert session.messages[-1]["content"][0]["text"] == piece
    assert session.answer("Go on.", max_new_tokens=8) == uncached(
        irgpt, image, ["Tell me everything.", "Go on."], [piece], 8
    )


def test_two_threads_take_turns(irgpt, image):
    sessions = [irgpt.session(image) for _ in range(2)]
    said: dict[int, str] = {}
    threads = [
        threading.Thread(target=lambda i=i: said.update({i: sessions[i].answer("What is it?", max_new_tokens=8)}))
        for i in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said[0] == said[1]


def test_an_empty_question_and_an_endless_conversation_are_refused_in_words(irgpt, image):
    session = irgpt.session(image)
    with pytest.raises(InputError, match="empty"):
        session.ask("  ")
    with pytest.raises(InputError, match="start a new one"):
        session.ask("x" * 5000)


def test_sixteen_bit_images_are_read(irgpt):
    deep = from_array(np.arange(30 * 40).reshape(30, 40) * 50.0, bit_depth=16)
    assert isinstance(irgpt.session(deep).answer("What is it?", max_new_tokens=2), str)


def test_unknown_weights_are_named_in_the_message(tmp_path):
    with pytest.raises(InputError, match=r"config\.json"):
        IRGPT.from_weights(str(tmp_path))


def test_a_folder_that_transformers_saved_is_loaded(irgpt, image, tmp_path):
    irgpt.model.save_pretrained(tmp_path)
    irgpt.processor.save_pretrained(tmp_path)
    loaded = IRGPT.from_weights(str(tmp_path), quantise=None)
    assert isinstance(loaded.session(image).answer("What is it?", max_new_tokens=2), str)
