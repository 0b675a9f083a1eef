import torch
from transformers import AutoModelForImageTextToText

from core.irgpt.builders import IMAGE_TOKEN_ID, bundled_config, toy_config
from core.irgpt.model import ThermalInternVL, ThermalTower, ThermalTowerConfig


def inputs(batch: int = 1) -> dict[str, torch.Tensor]:
    ids = torch.tensor([[1, 8, *[IMAGE_TOKEN_ID] * 4, 9, 10]] * batch)
    return {"input_ids": ids, "pixel_values": torch.randn(batch, 3, 128, 128)}


def test_the_tower_gives_one_token_a_stride_32_cell_row_by_row():
    tower = ThermalTower(ThermalTowerConfig(backbone="test_efficientnet", hidden_size=256)).eval()
    image = torch.randn(2, 3, 96, 128)
    tokens = tower(image).last_hidden_state
    assert tokens.shape == (2, 3 * 4, 256)
    coarse = tower.backbone(image)[-1]  # B, 64, 3, 4
    assert torch.allclose(tokens[:, :, 192:], coarse.flatten(2).transpose(1, 2), atol=1e-5)


def test_a_saved_model_loads_through_the_auto_class_and_says_the_same(tmp_path):
    model = AutoModelForImageTextToText.from_config(toy_config()).eval()
    model.save_pretrained(tmp_path)
    again = AutoModelForImageTextToText.from_pretrained(tmp_path).eval()
    assert isinstance(again, ThermalInternVL)
    batch = inputs(2)
    assert torch.equal(model(**batch).logits, again(**batch).logits)


def test_the_image_changes_what_the_model_says():
    model = AutoModelForImageTextToText.from_config(toy_config()).eval()
    first, second = inputs(), inputs()
    assert not torch.allclose(model(**first).logits[:, -1], model(**second).logits[:, -1])


def test_the_bundled_numbers_fit_together():
    config = bundled_config()
    cells = config.vision_config.image_size // 32
    assert (cells * config.downsample_ratio) ** 2 == config.image_seq_length
    assert config.text_config.hidden_size == config.text_config.num_attention_heads * config.text_config.head_dim
