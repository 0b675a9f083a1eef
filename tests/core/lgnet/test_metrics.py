import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.lgnet.metrics import SegmentationMetrics, nearest_matches


def regions(mask):
    """8-connected regions as lists of (y, x), in raster order; flood fill."""
    seen, found = np.zeros_like(mask), []
    for y, x in zip(*np.nonzero(mask), strict=True):
        if seen[y, x]:
            continue
        stack, region = [(y, x)], []
        seen[y, x] = True
        while stack:
            cy, cx = stack.pop()
            region.append((cy, cx))
            for ny in range(max(0, cy - 1), min(mask.shape[0], cy + 2)):
                for nx in range(max(0, cx - 1), min(mask.shape[1], cx + 2)):
                    if mask[ny, nx] and not seen[ny, nx]:
                        seen[ny, nx] = True
                        stack.append((ny, nx))
        found.append(region)
    return found


def slow_counts(prediction, truth):
    """The definitions, written out."""
    left, found, areas = regions(prediction), 0, []
    for target in regions(truth):
        ty, tx = np.mean(target, axis=0)
        for candidate in left:
            cy, cx = np.mean(candidate, axis=0)
            if ((ty - cy) ** 2 + (tx - cx) ** 2) ** 0.5 < 3:
                found += 1
                areas.append(len(candidate))
                left.remove(candidate)
                break
    false = sum(len(r) for r in left)
    return found, len(regions(truth)), false, sum(len(r) for r in left if len(r) not in areas)


masks = hnp.arrays(bool, (12, 14), elements=st.sampled_from([False, False, False, True]))


@settings(max_examples=60, deadline=None)
@given(masks, masks)
def test_the_figures_agree_with_the_slow_definitions(prediction, truth):
    metrics = SegmentationMetrics()
    metrics.add(prediction, truth)
    found, targets, false, false_published = slow_counts(prediction, truth)
    assert (metrics.found, metrics.targets) == (found, targets)
    assert (metrics.false_pixels, metrics.false_pixels_published) == (false, false_published)
    inter, union = int((prediction & truth).sum()), int((prediction | truth).sum())
    result = metrics.result()
    assert np.isclose(result["iou"], inter / union if union else 0)
    assert np.isclose(result["niou"], inter / union if union else 0)


def test_a_perfect_prediction_scores_one_and_raises_no_alarm():
    truth = np.zeros((20, 20), bool)
    truth[3:5, 3:5] = truth[15, 15] = True
    metrics = SegmentationMetrics()
    metrics.add(truth, truth)
    result = metrics.result()
    assert (result["iou"], result["pd"], result["fa"]) == (1.0, 1.0, 0.0)


def test_the_published_rule_hides_a_false_alarm_as_large_as_a_hit():
    truth = np.zeros((40, 40), bool)
    truth[5:8, 5:9] = True  # 12 px
    prediction = truth.copy()
    prediction[30:33, 30:34] = True  # 12 px of false alarm
    metrics = SegmentationMetrics()
    metrics.add(prediction, truth)
    assert metrics.result()["fa"] == 12 / 1600
    assert metrics.result()["fa_published"] == 0


def test_an_empty_image_without_prediction_scores_zero_in_niou_as_in_the_field():
    empty = np.zeros((8, 8), bool)
    metrics = SegmentationMetrics()
    metrics.add(empty, empty)
    assert metrics.result()["niou"] == 0 and metrics.result()["fa"] == 0


def slow_nearest(targets, regions):
    """Pairs closer than 3 px, taken from the nearest on, each end once; written out."""
    pairs = [(np.hypot(*(a - b)), t, r) for t, a in enumerate(targets) for r, b in enumerate(regions)]
    used_targets, used_regions = set(), set()
    for distance, t, r in sorted(pairs):
        if distance < 3 and t not in used_targets and r not in used_regions:
            used_targets.add(t)
            used_regions.add(r)
    return len(used_targets)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 2**32 - 1))
def test_the_nearest_match_agrees_with_its_slow_definition(targets, regions, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 9, (targets, 2)), rng.uniform(0, 9, (regions, 2))
    assert nearest_matches(a, b) == slow_nearest(a, b)


def test_the_nearest_match_does_not_count_a_target_whose_only_near_region_belongs_to_another():
    truth, prediction = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    truth[10, 4] = truth[10, 6] = True
    prediction[10, 6] = prediction[10, 8] = True  # the first rule gives 6 to 4 and 8 to 6
    metrics = SegmentationMetrics()
    metrics.add(prediction, truth)
    assert (metrics.found, metrics.found_nearest) == (2, 1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(masks, masks), min_size=1, max_size=3))
def test_the_figures_agree_with_pyirstdmetrics(pairs):
    theirs = pytest.importorskip("py_irstd_metrics", reason="pip install --no-deps pyirstdmetrics")
    ours, targets = SegmentationMetrics(), theirs.ProbabilityDetectionAndFalseAlarmRate()
    pixels = theirs.CMMetrics(threshold=0.5, metric_handlers={
        "iou": theirs.IoUHandler(sample_based=False), "niou": theirs.IoUHandler(sample_based=True),
    })  # fmt: skip
    for prediction, truth in pairs:
        ours.add(prediction, truth)
        targets.update(prediction.astype(float), truth)
        pixels.update(prediction.astype(float), truth)
    figures, expected, overlap = ours.result(), targets.get(), pixels.get()
    assert np.isclose(figures["pd"], expected["probability_detection"][0])
    assert np.isclose(figures["fa"], expected["false_alarm"][0])
    assert figures["fa_published"] <= figures["fa"]
    assert np.isclose(figures["iou"], overlap["iou"]["binary"])
    assert np.isclose(figures["niou"], overlap["niou"]["binary"])
