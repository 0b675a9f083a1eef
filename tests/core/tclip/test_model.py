"""Adapters, preprocessing and the predictor at toy size."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from open_clip.model import CustomTextCLIP

from core.errors import InputError
from core.tclip.builders import lora, thermal_clip_lite0
from core.tclip.model import (
    Preprocess,
    active,
    adapter_state,
    add_adapters,
    build_clip,
    load_adapter_state,
    load_own_state,
    own_state,
    resize,
)
from core.tclip.predictor import ThermalCLIP
from core.thermal import ThermalImage, from_array


def test_an_adapter_that_does_not_fit_is_refused(toy: ThermalCLIP) -> None:
    state = adapter_state(toy.model, "fine")
    state.pop(next(iter(state)))
    with pytest.raises(RuntimeError, match="'fine'"):
        load_adapter_state(toy.model, "fine", state)


def test_the_model_is_an_open_clip_model(toy: ThermalCLIP) -> None:
    assert isinstance(toy.model.get_base_model(), CustomTextCLIP)


def test_a_fresh_adapter_changes_nothing(build: Callable[[], ThermalCLIP], images: list[ThermalImage]) -> None:
    fresh = build()
    for adapter in ("global", "fine"):
        assert np.array_equal(fresh.encode_images(images, adapter), fresh.encode_images(images, "none"))
        assert np.array_equal(
            fresh.encode_texts(["a car at night"], adapter), fresh.encode_texts(["a car at night"], "none")
        )


def test_the_adapters_are_independent_of_each_other(toy: ThermalCLIP, images: list[ThermalImage]) -> None:
    vectors = [toy.encode_texts(["two cars at night"], adapter) for adapter in ("none", "global", "fine")]
    pictures = [toy.encode_images(images[:1], adapter) for adapter in ("none", "global", "fine")]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert not np.allclose(vectors[a], vectors[b], atol=1e-3)
        assert not np.allclose(pictures[a], pictures[b], atol=1e-3)


def test_adapters_sit_on_query_key_value_of_the_text_and_on_the_image_projection(toy: ThermalCLIP) -> None:
    places = {name.split(".lora_A")[0] for name in adapter_state(toy.model, "global") if ".lora_A" in name}
    names = {place.split("base_model.model.")[1] for place in places}
    assert names == {"visual.head.proj"} | {
        f"text.transformer.encoder.layer.{i}.attention.self.{part}"
        for i in (0, 1)
        for part in ("query", "key", "value")
    }


def test_the_adapter_has_the_papers_rank_and_alpha() -> None:
    assert (lora()["r"], lora()["lora_alpha"], lora()["lora_dropout"]) == (8, 1, 0.0)
    assert thermal_clip_lite0()["embed_dim"] == 512


def test_training_one_adapter_leaves_the_other_and_the_base_alone(toy: ThermalCLIP) -> None:
    toy.model.set_adapter("fine")
    trained = [name for name, p in toy.model.named_parameters() if p.requires_grad]
    assert trained
    assert all(".fine." in name for name in trained)


def test_what_is_stored_restores_the_model_without_the_text_transformer(
    toy: ThermalCLIP, text_base: Path, config: dict[str, Any], images: list[ThermalImage]
) -> None:
    clip = toy.model.get_base_model()
    with toy.model.disable_adapter():
        base = build_clip(config, text_base)
    stored = {k.replace(".base_layer", ""): v for k, v in own_state(clip).items() if "lora_" not in k}
    assert not any(k.startswith("text.transformer.") for k in stored)
    load_own_state(base, stored)
    again = ThermalCLIP(add_adapters(base), toy.tokenizer, config)
    for name in ("global", "fine"):
        load_adapter_state(again.model, name, adapter_state(toy.model, name))
    for name in ("none", "global", "fine"):
        assert np.array_equal(again.encode_images(images, name), toy.encode_images(images, name))
        assert np.array_equal(again.encode_texts(["one car"], name), toy.encode_texts(["one car"], name))


def test_weights_that_do_not_fit_are_refused(text_base: Path, config: dict[str, Any]) -> None:
    clip = build_clip(config, text_base)
    state = own_state(clip)
    del state["logit_scale"]
    with pytest.raises(RuntimeError, match="missing"):
        load_own_state(clip, state)


def test_vectors_have_length_one_and_the_right_shape(toy: ThermalCLIP, images: list[ThermalImage]) -> None:
    for rows, count in ((toy.encode_images(images), len(images)), (toy.encode_texts(["a", "two cars", ""]), 3)):
        assert rows.shape == (count, 16)
        assert rows.dtype == np.float32
        assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    assert toy.encode_images([]).shape == toy.encode_texts([]).shape == (0, 16)


def test_a_batch_gives_what_its_images_and_sentences_give_alone(toy: ThermalCLIP, images: list[ThermalImage]) -> None:
    alone = np.concatenate([toy.encode_images([image]) for image in images])
    assert toy.encode_images(images) == pytest.approx(alone, abs=2e-2)  # bfloat16
    texts = ["a car", "one person at the upper left by night", "sky", "a car"]
    together = toy.encode_texts(texts)
    toy._texts.clear()
    assert together == pytest.approx(np.concatenate([toy.encode_texts([text]) for text in texts]), abs=2e-2)


def test_equal_sentences_get_bit_equal_vectors_from_memory(toy: ThermalCLIP, monkeypatch: pytest.MonkeyPatch) -> None:
    first = toy.encode_texts(["a car", "sky", "a car"], "fine")
    assert np.array_equal(first[0], first[2])
    monkeypatch.setattr(toy, "_encode", lambda *_: pytest.fail("computed again"))
    assert np.array_equal(toy.encode_texts(["sky", "a car"], "fine"), first[[1, 0]])


def test_the_text_memory_is_bounded(toy: ThermalCLIP, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.tclip.predictor.TEXT_CACHE", 3)
    assert toy.encode_texts(["a", "b", "c", "d", "e"]).shape == (5, 16)
    assert len(toy._texts) == 3


def test_an_unknown_adapter_is_named(toy: ThermalCLIP) -> None:
    with pytest.raises(InputError, match="'medium'"):
        toy.encode_texts(["a"], "medium")


def test_threads_that_use_different_adapters_do_not_disturb_each_other(
    toy: ThermalCLIP, images: list[ThermalImage]
) -> None:
    expected = {name: toy.encode_images(images[:2], name) for name in ("none", "global", "fine")}
    wrong: list[str] = []

    def work(name: str) -> None:
        for _ in range(10):
            if not np.array_equal(toy.encode_images(images[:2], name), expected[name]):
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_grey_channel_is_repeated_and_normalised_as_the_base_expects() -> None:
    grey = torch.rand(2, 1, 8, 8)
    got = Preprocess([0.5, 0.4, 0.3], [0.2, 0.3, 0.4])(grey)
    for channel, (mean, std) in enumerate(((0.5, 0.2), (0.4, 0.3), (0.3, 0.4))):
        assert torch.allclose(got[:, channel], (grey[:, 0] - mean) / std)


def test_resizing_keeps_the_mean_and_a_constant_image() -> None:
    assert torch.allclose(resize(from_array(np.full((30, 70), 51.0)), 64), torch.full((1, 64, 64), 0.2))
    image = from_array(np.random.default_rng(0).integers(0, 256, (512, 640)))
    assert resize(image, 64).mean().item() == pytest.approx(image.unit01().mean(), abs=2e-3)


def test_no_adapter_is_left_switched_after_use(toy: ThermalCLIP) -> None:
    with active(toy.model, "none"):
        pass
    assert not np.allclose(toy.encode_texts(["a car"], "global"), toy.encode_texts(["a car"], "none"), atol=1e-3)
