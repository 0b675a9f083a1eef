import pytest
import torch

from core.irgpt.builders import bundled_config
from core.irgpt.loading import BASE, language_weights
from core.weights import base_model


@pytest.mark.slow
def test_our_reading_of_the_language_model_equals_that_of_transformers():
    from transformers import AutoModelForCausalLM

    gguf, text = base_model(BASE), bundled_config().text_config
    ours = language_weights(gguf, text.num_attention_heads, text.num_key_value_heads)
    theirs = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32).model
    state = theirs.state_dict()
    assert ours.keys() == state.keys()
    for name, value in ours.items():
        assert torch.allclose(value, state[name], atol=1e-6), name
