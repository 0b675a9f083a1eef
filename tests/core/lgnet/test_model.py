import pytest
import torch

from core.lgnet.builders import BUILDERS, build_lgnet_toy
from core.lgnet.complexity import complexity
from core.lgnet.model import LanguageGate, ResidualUBlock


def toy():
    torch.manual_seed(0)
    return build_lgnet_toy().eval()


def test_the_paper_size_has_four_million_parameters_and_its_multiply_adds():
    parameters, macs = complexity("lgnet", 512)
    assert abs(parameters - 4.0e6) <= 0.15e6
    assert abs(macs / 1e9 - 80.4) < 0.1  # the paper's 85.68 "GFLOPs" are multiply-adds, of a wider fusion


def test_the_baseline_has_the_size_of_acm():
    parameters, macs = complexity("unet", 512)
    assert 0.39e6 <= parameters <= 0.52e6 and macs < 15e9


@pytest.mark.parametrize("name", sorted(BUILDERS.keys() - {"lgnet", "lgnet-toy"}))
def test_other_architectures_answer_like_the_network(name):
    model = BUILDERS[name](8).eval()
    fused, sides = model(torch.rand(1, 1, 21, 33), torch.rand(1, 8))
    assert fused.shape == (1, 1, 21, 33) and len(sides) == (0 if name == "unet" else 6)


def test_outputs_have_the_size_of_the_image_even_when_it_is_odd():
    model = toy()
    for height, width in [(64, 64), (33, 47), (21, 100), (1, 1)]:
        fused, sides = model(torch.rand(2, 1, height, width), torch.rand(2, 8))
        assert fused.shape == (2, 1, height, width)
        assert len(sides) == 6 and all(s.shape == fused.shape for s in sides)


def test_no_descriptor_means_zeros():
    model, image = toy(), torch.rand(1, 1, 32, 32)
    assert torch.equal(model(image)[0], model(image, torch.zeros(1, 8))[0])


def test_the_descriptor_changes_the_answer():
    model, image = toy(), torch.rand(1, 1, 32, 32)
    assert not torch.equal(model(image)[0], model(image, 5 * torch.ones(1, 8))[0])


def test_a_row_of_a_batch_equals_the_image_alone():
    model, images, td = toy(), torch.rand(3, 1, 40, 40), torch.rand(3, 8)
    together = model(images, td)[0]
    for i in range(3):
        assert torch.allclose(together[i : i + 1], model(images[i : i + 1], td[i : i + 1])[0], atol=1e-5)


def test_the_language_gate_pairs_image_and_language_channel_by_channel():
    gate = LanguageGate(4).eval()
    x, v2 = torch.rand(1, 4, 3, 3), torch.rand(1, 4)
    v1 = x.mean(dim=(2, 3))
    expected = []
    for c in range(4):  # Eq. 2, slowly: each channel sees its own v1 and v2 only
        w = gate.conv.weight[c, :, 0, 0]
        z = w[0] * v1[0, c] + w[1] * v2[0, c]
        mean, var = gate.norm.running_mean[c], gate.norm.running_var[c]
        z = (z - mean) / torch.sqrt(var + gate.norm.eps) * gate.norm.weight[c] + gate.norm.bias[c]
        expected.append(torch.sigmoid(z))
    assert torch.allclose(gate(x, v2)[0, :, 0, 0], torch.stack(expected), atol=1e-6)


def test_a_residual_u_block_keeps_the_resolution():
    for dilated in (False, True):
        block = ResidualUBlock(4, 3, 4, 6, dilated).eval()
        assert block(torch.rand(1, 3, 19, 23)).shape == (1, 6, 19, 23)


def test_every_parameter_is_trained():
    model = build_lgnet_toy()
    fused, sides = model(torch.rand(4, 1, 32, 32), torch.rand(4, 8))
    (fused.sum() + sum(s.sum() for s in sides)).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []
