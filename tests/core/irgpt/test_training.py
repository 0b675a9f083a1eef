import random

import pytest
import torch
from PIL import Image

from core.data.records import Box, Record
from core.errors import InputError
from core.irgpt.builders import BLIND_SHARE, Stage
from core.irgpt.dataset import MAX_TOKENS, Talk, caption_talks, encode, image_marks, pick_turns, question_talks
from core.irgpt.loading import TRAINED, add_trained, save_trained
from core.irgpt.processor import picture
from core.irgpt.trainer import Pictures, answer_loss, groups, image_tokens, prepare, run_stage, talk_batches
from core.irgpt.words import WORDS, cell_words, word_embeddings, word_logits, word_loss, word_weights
from core.thermal import read_thermal
from core.weights import load


@pytest.fixture
def folder(tmp_path):
    """Two images, one dark with the answer "no", one bright with the answer "yes"."""
    for name, grey in (("dark.png", 20), ("bright.png", 230)):
        Image.new("L", (40, 30), grey).save(tmp_path / name)
    return tmp_path


@pytest.fixture
def talks(folder):
    return [
        Talk(folder / f"{n}.png", (("relationship", "Bright?", a),)) for n, a in (("dark", "no"), ("bright", "yes"))
    ]


def test_the_answer_tokens_and_only_they_carry_loss_and_every_answer_counts_one(processor):
    ids, weights = encode(processor, [("Hot?", "yes"), ("How many?", "<num>3</num>")], image_marks(processor))
    assert processor.tokenizer.decode(ids[weights > 0]) == "yes<|im_end|><num>3</num><|im_end|>"
    assert weights.sum().item() == pytest.approx(2)
    assert (ids == processor.image_token_id).sum() == processor.image_seq_length


def test_training_reads_what_the_processor_would_give_the_model(processor, image):
    content = [{"type": "image", "image": picture(image)}, {"type": "text", "text": "Hot?"}]
    messages = [
        {"role": "user", "content": content},
        {"role": "assistant", "content": [{"type": "text", "text": "yes"}]},
    ]
    served = processor.apply_chat_template(messages, tokenize=True, return_dict=True, return_tensors="pt")["input_ids"][
        0
    ]
    assert encode(processor, [("Hot?", "yes")], image_marks(processor))[0].tolist() == served.tolist()
    blind = processor.apply_chat_template(
        [{"role": "user", "content": content[1:]}, messages[1]], tokenize=True, return_dict=True, return_tensors="pt"
    )["input_ids"][0]
    assert encode(processor, [("Hot?", "yes")])[0].tolist() == blind.tolist()


def test_long_conversations_lose_their_last_turns(processor):
    ids, _ = encode(processor, [("q" * 100, "a")] * 5, image_marks(processor))
    assert len(ids) <= MAX_TOKENS


def test_turns_are_picked_at_random_and_never_none():
    talk = Talk(None, (("location", "a", "b"), ("grounding", "c", "d")))
    picked = [pick_turns(talk, random.Random(seed)) for seed in range(20)]
    assert {tuple(p) for p in picked} >= {(("a", "b"),), (("c", "d"),)} and all(picked)


def test_image_tokens_equal_those_of_transformers(model, processor, talks):
    pictures = Pictures(model, processor)
    paths = [talk.image for talk in talks]
    pixels = processor.image_processor([picture(read_thermal(p)) for p in paths], return_tensors="pt").pixel_values
    with torch.no_grad():
        expected = model.get_image_features(pixels, vision_feature_layer=-1, vision_feature_select_strategy="full")
        ours = image_tokens(model, pictures(paths))
    assert torch.allclose(ours.float(), expected.pooler_output, atol=0.05)  # bfloat16 against float32


def test_the_answer_loss_is_the_mean_log_likelihood_of_the_answers(model, processor):
    ids, weights = encode(processor, [("Hot?", "yes")])
    with torch.no_grad():
        ours = answer_loss(model, None, ids[None], weights[None])
        log = model(input_ids=ids[None]).logits[0, :-1].log_softmax(-1)
    told = weights[1:] > 0
    expected = -log[told].gather(1, ids[1:][told][:, None]).mean()
    assert ours.item() == pytest.approx(expected.item(), abs=0.02)


def learn(model, processor, talks, out, epochs: float) -> tuple[list[float], dict]:
    stage = Stage("questions", epochs, batch=2, tower_rate=0, projector_rate=1e-2, lora_rate=2e-2)
    pictures, losses = Pictures(model, processor), []

    def batches(epoch):
        for batch in talk_batches(model, processor, pictures, talks, stage, str(epoch)):

            def remembered(batch=batch):
                loss = batch()
                losses.append(loss.item())
                return loss

            yield remembered  # fmt: skip

    figures = run_stage(stage, model, batches, 1, lambda: {"loss": losses[-1]}, out, log=lambda _: None)
    return losses, figures


def test_training_learns_and_goes_on_where_it_was_stopped(model, processor, talks, tmp_path):
    model.get_input_embeddings().weight.data *= 20  # as initialised, logits are too small for any certainty
    prepare(model)
    losses, _ = learn(model, processor, talks, tmp_path, epochs=80)
    assert sum(losses[-3:]) < 0.7 * sum(losses[:3])
    more, figures = learn(model, processor, talks, tmp_path, epochs=82)
    assert (len(more), figures["steps"]) == (2, 82)
    assert learn(model, processor, talks, tmp_path, epochs=82)[0] == []


def test_saved_parts_merged_into_a_fresh_base_equal_the_trained_model(model, processor, talks, tmp_path):
    base = {k: v.clone() for k, v in model.model.language_model.state_dict().items()}
    fresh = type(model)(model.config).eval()
    prepare(model)
    for parameters in groups(model).values():
        for parameter in parameters:
            parameter.data += 0.02 * torch.randn_like(parameter)
    save_trained(model, tmp_path)
    fresh.model.language_model.load_state_dict(base)
    fresh.tie_weights()
    add_trained(fresh, load(tmp_path / TRAINED))
    ids = torch.tensor([[1, 8, 3, 3, 3, 3, 9, 10]])
    batch = {"input_ids": ids, "pixel_values": torch.randn(1, 3, 128, 128)}
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(model(**batch).logits.float(), fresh(**batch).logits.float(), atol=0.05)


def test_a_tenth_of_the_question_conversations_come_without_image(model, processor, talks, monkeypatch):
    seen = []
    monkeypatch.setattr("core.irgpt.trainer.answer_loss", lambda m, lower, ids, w: seen.append(lower is None))
    stage = Stage("questions", 1, batch=1, tower_rate=0, projector_rate=0, lora_rate=1)
    for batch in talk_batches(model, processor, Pictures(model, processor), talks * 100, stage, "0"):
        batch()
    assert abs(sum(seen) / len(seen) - BLIND_SHARE) < 0.07


def test_files_become_talks_and_broken_lines_are_named(tmp_path):
    (tmp_path / "q.jsonl").write_text(
        '{"id":"1","image":"a.png","task":"scene","conversations":'
        '[{"from":"human","value":"<image>\\nWhere?"},{"from":"gpt","value":"sky"}]}\n'
    )
    assert question_talks([tmp_path / "q.jsonl"], tmp_path) == [Talk(tmp_path / "a.png", (("scene", "Where?", "sky"),))]
    (tmp_path / "c.jsonl").write_text('{"image":"a.png","caption_global":"g","caption_fine":"f"}\n{"image":\n')
    with pytest.raises(InputError, match=r"c\.jsonl, line 2"):
        caption_talks([tmp_path / "c.jsonl"], tmp_path)


def record(*boxes: Box) -> Record:
    return Record("roadscene/x", None, "roadscene", "", "x", "train", 70, 70, boxes=boxes)


def test_cells_are_named_by_the_smallest_object_over_them_and_else_by_the_ground():
    cells = cell_words(record(Box("car", (0, 0, 40, 20)), Box("person", (12, 12, 14, 14))), grid=7)
    assert WORDS[cells[0, 0]] == "car" and WORDS[cells[1, 1]] == "person" and WORDS[cells[6, 6]] == "road"
    assert [WORDS[i] for i in cells[0]] == ["car"] * 4 + ["road"] * 3


def test_word_loss_is_least_where_tokens_are_the_embeddings_themselves(processor):
    table = torch.randn(len(processor.tokenizer), 32, generator=torch.Generator().manual_seed(0))
    embeddings = word_embeddings(processor.tokenizer, table)
    cells = torch.arange(len(WORDS))[None]
    weights = word_weights([cells])
    exact = word_loss(embeddings[None], cells, embeddings, weights)
    assert exact < word_loss(embeddings[None] + 0.1 * torch.randn_like(embeddings), cells, embeddings, weights)
    assert torch.equal(word_logits(embeddings, embeddings).argmax(-1), cells[0])
