from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from frame import Prediction, UserError


def test_a_certain_and_right_prediction_costs_nothing(loss):
    mask = (torch.rand(2, 1, 16, 16) > 0.7).float()
    assert loss("mask")(Prediction((mask - 0.5) * 200), mask) == pytest.approx(0, abs=1e-6)


def test_binary_loss_is_cross_entropy_and_one_minus_soft_iou_of_each_image(loss):
    logits, mask = torch.randn(3, 1, 8, 8), (torch.rand(3, 1, 8, 8) > 0.5).float()
    found = loss("mask", "bce=2.0", "iou=3.0")(Prediction(logits), mask)
    images = [(logit.sigmoid(), truth) for logit, truth in zip(logits, mask, strict=True)]
    overlap = sum(((p * m).sum() + 1) / ((p + m - p * m).sum() + 1) for p, m in images) / 3
    expected = 2 * F.binary_cross_entropy(logits.sigmoid(), mask) + 3 * (1 - overlap)
    torch.testing.assert_close(found, expected)


def test_many_classes_use_cross_entropy_and_the_soft_iou_of_the_classes_present(loss):
    logits = torch.randn(2, 4, 6, 6)
    mask = torch.randint(0, 3, (2, 6, 6))  # class 3 is in no mask
    found = loss("mask")(Prediction(logits), mask)
    probability, truth = logits.softmax(1), F.one_hot(mask, 4).permute(0, 3, 1, 2)
    both, area = (probability * truth).sum((2, 3)), truth.sum((2, 3))
    overlap = ((both + 1) / (probability.sum((2, 3)) + area - both + 1))[:, :3].mean()
    torch.testing.assert_close(found, F.cross_entropy(logits, mask) + 1 - overlap)


@pytest.mark.parametrize("classes", [1, 3])
def test_the_loss_of_a_batch_is_the_mean_of_its_images_losses(loss, classes):
    logits = torch.randn(3, classes, 8, 8)
    mask = torch.randint(0, max(classes, 2), (3, 8, 8))
    mask[1, :5] = 255 if classes > 1 else 0
    mask = mask if classes > 1 else mask[:, None].float()
    criterion = loss("mask")
    apart = [criterion(Prediction(logits[i : i + 1]), mask[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(criterion(Prediction(logits), mask), torch.stack(apart).mean())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_empty_and_full_masks_give_finite_losses_and_gradients_in_every_precision(loss, dtype, value, scale):
    logits = (scale * torch.randn(2, 1, 32, 32)).to(dtype).requires_grad_()
    found = loss("mask")(Prediction(logits), torch.full((2, 1, 32, 32), value))
    found.backward()
    assert found.dtype == torch.float32
    assert found.isfinite()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("value", [0, 2, 255])
def test_masks_of_one_class_or_wholly_ignored_are_finite_with_many_classes(loss, value):
    logits = torch.randn(2, 3, 8, 8, requires_grad=True)
    found = loss("mask")(Prediction(logits), torch.full((2, 8, 8), value))
    found.backward()
    assert found.isfinite()
    assert logits.grad.isfinite().all()
    assert (value == 255) == (found == 0)


def test_ignored_pixels_have_no_say(loss):
    logits, mask = torch.randn(1, 3, 8, 8), torch.randint(0, 3, (1, 8, 8))
    mask[:, 4:] = 255
    other = logits.clone()
    other[:, :, 4:] = 50 * torch.randn(1, 3, 4, 8)
    criterion = loss("mask")
    torch.testing.assert_close(criterion(Prediction(logits), mask), criterion(Prediction(other), mask))


@pytest.mark.parametrize("classes", [1, 3])
def test_its_gradient_is_that_of_finite_differences(loss, classes):
    logits = torch.randn(2, classes, 3, 4, dtype=torch.float64, requires_grad=True)
    mask = torch.randint(0, 2, (2, 3, 4))
    mask = mask if classes > 1 else mask[:, None].float()
    criterion = loss("mask")
    assert torch.autograd.gradcheck(lambda x: criterion(Prediction(x), mask), logits)


def test_a_loss_without_terms_is_refused(loss):
    with pytest.raises(UserError, match="bce and iou are both 0"):
        loss("mask", "bce=0.0", "iou=0.0")
