import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core.lgnet.builders import BUILDERS, build_lgnet_toy, build_unet
from core.lgnet.calibrate import FLOATING, activation_ranges, load_ranges, save_ranges, spread
from core.lgnet.dataset import Sample
from core.lgnet.engine import OpenVINOEngine, TorchEngine, fast_engine, fold_batch_norm
from core.lgnet.model import ConvBNReLU
from core.lgnet.predictor import load_model
from core.thermal import from_array, read_thermal
from core.weights import resolve

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def trained_like(build=build_lgnet_toy):
    """A network with the statistics of a trained one: batch norms that do something, answers spread around 0.5."""
    torch.manual_seed(0)
    model = build(8).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
    with torch.no_grad():
        logits = model(torch.rand(1, 1, 64, 64))[0]
        model.output.fuse.weight *= 3 / logits.std()
        model.output.fuse.bias[:] = -model(torch.rand(1, 1, 64, 64))[0].mean()
    return model


def scenes(count=3, height=67, width=45):
    rng = np.random.default_rng(0)
    return rng.random((count, height, width), np.float32), rng.normal(size=(count, 8)).astype(np.float32)


def samples(images):
    return [Sample(str(i), from_array(x * 255), np.zeros(x.shape, bool)) for i, x in enumerate(images)]


def test_folding_batch_norms_changes_nothing():
    model, (images, descriptors) = trained_like(), scenes()
    folded = fold_batch_norm(model)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    plain = TorchEngine(model, half=False)(images, descriptors)
    assert np.abs(TorchEngine(folded, half=False)(images, descriptors) - plain).max() < 1e-5


@pytest.mark.parametrize(("height", "width"), [(64, 64), (67, 45), (1, 1), (9, 200)])
def test_the_openvino_graph_computes_what_the_network_computes(height, width):
    model, (images, descriptors) = trained_like(), scenes(2, height, width)
    plain = TorchEngine(model, half=False)(images, descriptors)
    served = OpenVINOEngine(fold_batch_norm(model), {}, precision="f32")(images, descriptors)
    assert served.shape == plain.shape == (2, height, width) and served.dtype == np.float32
    assert np.abs(served - plain).max() < 1e-4


@pytest.mark.parametrize("name", sorted(BUILDERS.keys() - {"lgnet", "lgnet-toy", "unet"}))
def test_the_openvino_graph_knows_every_kind_of_block_and_fusion(name):
    model, (images, _) = trained_like(BUILDERS[name]), scenes(1)
    served = fast_engine(model)
    assert isinstance(served, OpenVINOEngine)
    exact = OpenVINOEngine(fold_batch_norm(model), {}, precision="f32")(images)
    assert np.abs(exact - TorchEngine(model, half=False)(images)).max() < 1e-3


def test_no_descriptor_means_zeros_in_every_engine():
    model, (images, _) = trained_like(), scenes(1)
    for engine in (TorchEngine(model), fast_engine(model)):
        assert np.array_equal(engine(images), engine(images, np.zeros((1, 8), np.float32)))


def test_every_architecture_has_an_engine():
    images = scenes(1)[0]
    for name in ("unet", "lgnet-toy"):
        assert fast_engine(BUILDERS[name](8))(images).shape == images.shape
    assert isinstance(fast_engine(build_unet()), TorchEngine)


def test_a_batch_equals_its_images_alone():
    engine, (images, descriptors) = fast_engine(trained_like()), scenes()
    together = engine(images, descriptors)
    for i in range(len(images)):
        assert np.abs(engine(images[i : i + 1], descriptors[i : i + 1])[0] - together[i]).max() < 1e-2


def test_ranges_are_the_largest_inputs_of_convolutions_and_leave_out_what_stays_in_floating_point():
    model, (images, _) = trained_like(), scenes()
    ranges = activation_ranges(model, samples(images))
    names = {n for n, m in model.named_modules() if isinstance(m, ConvBNReLU)}
    assert set(FLOATING) < names and set(ranges) == names - set(FLOATING)
    assert all(value >= 0 for value in ranges.values())
    seen = []
    hook = model.decoders[0].stem.register_forward_pre_hook(lambda m, x: seen.append(x[0].max().item()))
    for sample in samples(images):
        model(torch.from_numpy(sample.image.unit01())[None, None])
    hook.remove()
    assert ranges["decoders.0.stem"] == pytest.approx(max(seen))


def test_ranges_of_other_weights_are_not_used(tmp_path):
    assert load_ranges(tmp_path) is None
    (tmp_path / "model.safetensors").write_bytes(b"some weights")
    save_ranges(tmp_path, {"a": 1.0}, 3)
    assert load_ranges(tmp_path) == {"a": 1.0}
    assert json.loads((tmp_path / "int8.json").read_text())["images"] == 3
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert load_ranges(tmp_path) is None


def test_calibration_images_are_spread_over_the_list():
    assert spread(list(range(10)), 3) == [0, 4, 9] and spread([1, 2], 5) == [1, 2] and spread([], 5) == []


def test_served_masks_of_the_bundled_network_agree_with_the_plain_path():
    """The fast graph in float32 differs in less than 0.1 % of the target pixels, as served (8 bits) at edges only."""
    model, _ = load_model("bundled/lgnet")
    plain = TorchEngine(model, half=False)
    exact = OpenVINOEngine(fold_batch_norm(model), {}, precision="f32")
    served = fast_engine(model, load_ranges(resolve("bundled/lgnet")))
    targets = different = at_edges = 0
    for name in ("aerial_6.png", "sea_4.png"):
        pixels = read_thermal(EXAMPLES / name).unit01()[None]
        mask, same, near = (engine(pixels)[0] > 0.5 for engine in (plain, exact, served))
        targets, different = targets + int(mask.sum()), different + int((mask != same).sum())
        at_edges += int((mask != near).sum())
    assert targets > 20 and different < targets / 1000 and at_edges <= targets / 20
