from __future__ import annotations

import pytest
import torch
from tests.losses.cases import CASES, name_of, random_mask
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


@pytest.mark.parametrize("case", [case for case in CASES if case[1] != "deep_supervision"], ids=name_of)
def test_it_wraps_any_loss_of_a_mask(loss, case):
    classes, name, *options = case
    given = ", ".join([f'name="{name}"', *options])
    mask = random_mask(classes, 2, 16, 16)
    sides = tuple(torch.randn(2, classes, size, size, requires_grad=True) for size in (8, 3))
    found = loss("deep_supervision", f"loss={{{given}}}")(Prediction(None, side=sides), mask)
    upsampled = [F.interpolate(side, size=(16, 16), mode="bilinear", align_corners=False) for side in sides]
    torch.testing.assert_close(found, sum(loss(name, *options)(Prediction(side), mask) for side in upsampled) / 2)
    assert all(gradient.any() for gradient in torch.autograd.grad(found, sides))


@pytest.mark.parametrize(
    ("decay", "final", "shares"),
    [
        ("none", 0.0, [1, 1, 1]),
        ("linear", 0.0, [1, 0.75, 0]),
        ("linear", 0.2, [1, 0.8, 0.2]),
        ("cosine", 0.0, [1, 0.5 + 0.5 * 0.5**0.5, 0]),
    ],
)
def test_it_falls_over_the_run(loss, prediction, mask, decay, final, shares):
    criterion = loss("deep_supervision", f"decay={decay}", f"final={final}")
    whole = loss("deep_supervision")(prediction, mask)
    torch.testing.assert_close(criterion(prediction, mask), whole)  # where nobody tells the position
    for progress, share in zip((0.0, 0.25, 1.0), shares, strict=True):
        criterion.set_progress(progress)
        torch.testing.assert_close(criterion(prediction, mask), share * whole)
    criterion.set_progress(0.0)  # the position is all that counts, not what was before
    torch.testing.assert_close(criterion(prediction, mask), whole)


def test_at_the_end_of_its_decay_the_sides_still_have_a_gradient(loss, prediction, mask):
    criterion = loss("deep_supervision", "decay=linear")
    criterion.set_progress(1.0)
    side = prediction.side[0].requires_grad_()
    assert not torch.autograd.grad(criterion(prediction, mask), side)[0].any()


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
