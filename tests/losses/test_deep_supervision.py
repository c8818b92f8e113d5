from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from frame import Prediction, UserError


@pytest.fixture
def prediction():
    return Prediction(torch.randn(2, 1, 16, 16), side=tuple(torch.randn(2, 1, side, side) for side in (8, 4, 3)))


@pytest.fixture
def mask():
    return (torch.rand(2, 1, 16, 16) > 0.5).float()


def test_it_is_the_mean_of_its_loss_over_the_upsampled_sides(loss, prediction, mask):
    sides = [F.interpolate(side, size=(16, 16), mode="bilinear", align_corners=False) for side in prediction.side]
    expected = sum(loss("mask")(Prediction(side), mask) for side in sides) / 3
    torch.testing.assert_close(loss("deep_supervision")(prediction, mask), expected)


def test_weights_count_by_side_and_sum_to_one(loss, prediction, mask):
    only_finest = prediction._replace(side=prediction.side[:1])
    found = loss("deep_supervision", "weights=[2.0, 0.0, 0.0]")(prediction, mask)
    torch.testing.assert_close(found, loss("deep_supervision")(only_finest, mask))


def test_the_wrapped_loss_is_chosen_with_its_own_options(loss, prediction, mask):
    found = loss("deep_supervision", 'loss={name="mask", iou=0.0}')(prediction, mask)
    sides = [F.interpolate(side, size=(16, 16), mode="bilinear", align_corners=False) for side in prediction.side]
    torch.testing.assert_close(found, sum(F.binary_cross_entropy_with_logits(side, mask) for side in sides) / 3)


def test_every_side_gets_a_gradient_and_the_main_output_none(loss, prediction, mask):
    tensors = [tensor.requires_grad_() for tensor in (prediction.logits, *prediction.side)]
    loss("deep_supervision")(prediction, mask).backward()
    assert [tensor.grad is not None for tensor in tensors] == [False, True, True, True]


def test_many_classes_work_by_the_same_path(loss):
    prediction = Prediction(torch.randn(2, 3, 16, 16), side=(torch.randn(2, 3, 4, 4),))
    assert loss("deep_supervision")(prediction, torch.randint(0, 3, (2, 16, 16))) > 0


def test_bf16_sides_give_a_float32_loss(loss, prediction, mask):
    halved = prediction._replace(side=tuple(side.bfloat16() for side in prediction.side))
    found = loss("deep_supervision")(halved, mask)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, loss("deep_supervision")(prediction, mask), rtol=0.01, atol=0)


def test_a_head_without_sides_is_met_with_the_remedy(loss, prediction, mask):
    with pytest.raises(UserError, match=r"head\.side_outputs = true"):
        loss("deep_supervision")(prediction._replace(side=()), mask)


def test_weights_that_are_not_one_a_side_are_refused(loss, prediction, mask):
    with pytest.raises(UserError, match="2 values for the head's 3 coarser outputs"):
        loss("deep_supervision", "weights=[1.0, 0.5]")(prediction, mask)


@pytest.mark.parametrize("weights", ["[0.0, 0.0]", "[-1.0]"])
def test_weights_must_leave_something_to_learn(loss, weights):
    with pytest.raises(UserError, match="weights"):
        loss("deep_supervision", f"weights={weights}")
