from itertools import pairwise

import pytest
import torch

from core.errors import InputError
from core.lgnet.builders import build_lgnet_toy, build_unet
from core.lgnet.train import learning_rate_factor, served_weights, start_from


def test_a_network_starts_from_the_layers_that_fit_and_keeps_its_own_others():
    torch.manual_seed(0)
    donor, model = build_lgnet_toy(8), build_lgnet_toy(16)  # their descriptors differ in width
    own = model.language_fusion.mlp[0].weight.clone()
    start_from(model, donor.state_dict())
    assert torch.equal(model.encoders[0].stem[0].weight, donor.encoders[0].stem[0].weight)
    assert torch.equal(model.language_fusion.mlp[0].weight, own)


def test_served_weights_take_half_the_space_and_start_the_same_network():
    torch.manual_seed(0)
    donor, model = build_lgnet_toy(8), build_lgnet_toy(8)
    image, descriptor = torch.rand(2, 1, 32, 32), torch.zeros(2, 8)
    served = served_weights(donor)
    start_from(model, served)
    assert sum(v.nbytes for v in served.values()) < 0.7 * sum(v.nbytes for v in donor.state_dict().values())
    with torch.inference_mode():
        assert torch.allclose(model.eval()(image, descriptor)[0], donor.eval()(image, descriptor)[0], atol=1e-2)


def test_weights_of_another_family_are_refused():
    with pytest.raises(InputError, match="shares no layer"):
        start_from(build_unet(), build_lgnet_toy().state_dict())


def test_the_learning_rate_warms_up_and_falls_to_a_hundredth():
    factors = [learning_rate_factor(step, 100, 10) for step in range(100)]
    assert factors[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert all(a >= b for a, b in pairwise(factors[10:])) and 0.01 <= factors[-1] < 0.012
