import math

import torch

from core.lgnet.loss import lgnet_loss, soft_iou_loss


def slow_bce(logits, truth):
    total = 0.0
    for z, g in zip(logits.flatten().tolist(), truth.flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-z))
        total -= g * math.log(p) + (1 - g) * math.log(1 - p)
    return total / logits.numel()


def slow_soft_iou(logits, truth):
    inter = total = 0.0
    for z, g in zip(logits.flatten().tolist(), truth.flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-z))
        inter += p * g
        total += p + g
    return 1 - (inter + 1) / (total - inter + 1)


def test_the_loss_agrees_with_the_definition_written_out():
    torch.manual_seed(0)
    maps = [torch.randn(2, 1, 5, 6) for _ in range(3)]
    truth = (torch.rand(2, 1, 5, 6) > 0.7).float()
    expected = sum(slow_bce(m, truth) for m in maps) + slow_soft_iou(maps[0], truth)
    assert math.isclose(float(lgnet_loss(maps[0], maps[1:], truth)), expected, rel_tol=1e-5)


def test_soft_iou_is_zero_for_a_sure_and_right_answer_and_near_one_for_a_wrong_one():
    truth = torch.zeros(1, 1, 32, 32)
    truth[..., 8:24, 8:24] = 1
    sure = (truth * 2 - 1) * 50
    assert float(soft_iou_loss(sure, truth)) < 1e-5
    assert float(soft_iou_loss(-sure, truth)) > 0.99
