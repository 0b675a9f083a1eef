import numpy as np
import torch

from core.langir.regions import region_words
from core.lgnet.builders import build_lgnet_toy
from core.lgnet.predictor import LGNetPredictor, segment
from core.thermal import from_array


class FakeEncoder:
    """Says 1 for images and 2 for texts."""

    images = 0

    def encode_images(self, images):
        self.images += len(images)
        return np.ones((len(images), 8), np.float32)

    def encode_texts(self, texts):
        return np.full((len(texts), 8), 2, np.float32)


def predictor(encoder=None):
    torch.manual_seed(0)
    return LGNetPredictor(build_lgnet_toy(), encoder)


def test_a_probability_map_has_the_size_of_the_image_and_lies_in_zero_to_one():
    image = from_array(np.random.default_rng(0).integers(0, 255, (37, 51)).astype(np.float32))
    probability = predictor().probability(image)
    assert probability.shape == (37, 51) and probability.dtype == np.float32
    assert probability.min() >= 0 and probability.max() <= 1


def test_a_description_reaches_the_network():
    image = from_array(np.random.default_rng(0).integers(0, 255, (32, 32)).astype(np.float32))
    model = predictor(FakeEncoder())
    assert np.array_equal(model.probability(image, "  "), model.probability(image))
    assert not np.array_equal(model.probability(image, "a target at the left"), model.probability(image))


def test_an_image_is_embedded_once_however_often_it_is_asked_about():
    image = from_array(np.zeros((32, 32), np.float32))
    encoder = FakeEncoder()
    model = predictor(encoder)
    for text in ("", "a drone", ""):
        model.probability(image, text)
    assert encoder.images == 1
    model.probability(from_array(np.zeros((32, 32), np.float32)))
    assert encoder.images == 2


def test_targets_are_listed_with_centre_area_score_and_place():
    probability = np.zeros((90, 90), np.float32)
    probability[10:12, 80:82] = 0.9
    probability[45, 45] = 0.6
    found = segment(probability, 0.5)
    assert [(t.centroid_xy, t.area_px, t.score, t.region) for t in found.targets] == [
        ((80.5, 10.5), 4, 0.9, "upper right"),
        ((45.0, 45.0), 1, 0.6, "center"),
    ]
    assert found.mask.sum() == 5
    assert len(segment(probability, 0.7).targets) == 1
    assert segment(np.zeros((5, 5), np.float32)).targets == ()


def test_touching_corners_make_one_target():
    probability = np.eye(6, dtype=np.float32)
    assert [t.area_px for t in segment(probability).targets] == [6]


def test_every_place_has_a_name():
    names = {region_words(x, y, 30, 30) for x in (0, 15, 29) for y in (0, 15, 29)}
    assert names == {
        "upper left", "upper center", "upper right", "left", "center", "right",
        "lower left", "lower center", "lower right",
    }  # fmt: skip
