"""What holds for every loss of a mask, with one class and with many."""

from __future__ import annotations

import pytest
import torch
from tests.losses.cases import CASES, certain, name_of, predicted, random_mask, square

from frame import catalog
from frame.plugin.component import Kind

every_loss = pytest.mark.parametrize("case", CASES, ids=name_of)
SIZE = 16


def test_all_built_in_losses_are_among_the_cases() -> None:
    built_in = {entry.name for entry in catalog().entries(Kind.LOSS) if entry.component.target.startswith("frame_")}
    assert {case[1] for case in CASES} == built_in - {"balance", "router_z"}  # of a router, not of a mask


@every_loss
def test_the_loss_of_a_batch_is_the_mean_of_its_images_losses(loss, case) -> None:
    classes, *options = case
    criterion, logits, mask = loss(*options), torch.randn(5, classes, 8, 9), random_mask(classes, 5, 8, 9)
    mask[1] = 0  # an empty one among them
    if classes > 1:
        mask[2] = 255
    apart = torch.stack([criterion(predicted(logits[i : i + 1]), mask[i : i + 1]) for i in range(5)])
    whole = criterion(predicted(logits), mask)
    torch.testing.assert_close(whole, apart.mean())
    parts = [criterion(predicted(logits[at]), mask[at]) for at in (slice(0, 2), slice(2, 5))]
    torch.testing.assert_close(whole, (2 * parts[0] + 3 * parts[1]) / 5)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(criterion(predicted(logits[order]), mask[order]), whole)


def degenerate_masks(classes: int) -> list[torch.Tensor]:
    if classes == 1:
        one_pixel = torch.zeros(2, 1, SIZE, SIZE)
        one_pixel[:, :, 3, 4] = 1
        return [torch.zeros(2, 1, SIZE, SIZE), torch.ones(2, 1, SIZE, SIZE), one_pixel, 1 - one_pixel]
    counted = torch.full((2, SIZE, SIZE), 255)
    counted[:, 3, 4] = 1
    one_pixel = torch.zeros(2, SIZE, SIZE, dtype=torch.long)
    one_pixel[:, 3, 4] = 1
    return [torch.full((2, SIZE, SIZE), value) for value in (0, 2, 255)] + [counted, one_pixel]


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_degenerate_masks_give_finite_losses_and_gradients_in_every_precision(loss, case, dtype, scale) -> None:
    classes, *options = case
    criterion = loss(*options)
    for mask in degenerate_masks(classes):
        noise = (scale * torch.randn(2, classes, SIZE, SIZE)).to(dtype)
        sure = certain(classes, mask, scale).to(dtype)
        for logits in (noise, sure, -sure):
            found = criterion(predicted(logits.requires_grad_()), mask)
            (gradient,) = torch.autograd.grad(found, logits)
            assert found.dtype == torch.float32
            assert found.isfinite()
            assert gradient.isfinite().all()


@every_loss
def test_autocast_does_not_change_it(loss, case) -> None:
    classes, *options = case
    criterion, logits, mask = loss(*options), torch.randn(2, classes, 8, 8), random_mask(classes, 2, 8, 8)
    expected = criterion(predicted(logits), mask)
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype):
            torch.testing.assert_close(criterion(predicted(logits), mask), expected)


@every_loss
def test_its_gradient_is_that_of_finite_differences(loss, case) -> None:
    classes, *options = case
    criterion, mask = loss(*options), random_mask(classes, 2, 4, 5)
    logits = torch.randn(2, classes, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: criterion(predicted(x), mask), logits)


@every_loss
def test_a_right_prediction_costs_less_than_one_nearby_and_that_less_than_a_wrong_one(loss, case) -> None:
    classes, *options = case
    criterion, mask = loss(*options), square(classes, 24, 2)
    away = 1 if options[0] == "edge" else 3  # Sobel sees no further, and a boundary may be 2 off
    right, nearby, wrong = (
        float(criterion(predicted(certain(classes, square(classes, 24, corner))), mask)) for corner in (2, 2 + away, 14)
    )
    assert right < nearby < wrong


@every_loss
def test_it_reacts_to_every_region(loss, case) -> None:
    classes, *options = case
    criterion, logits, mask = loss(*options), torch.randn(1, classes, 16, 16), square(classes, 16, 5)
    before = criterion(predicted(logits), mask)
    for y in range(0, 16, 4):
        for x in range(0, 16, 4):
            other = logits.clone()
            other[..., y : y + 4, x : x + 4] *= -1
            assert not torch.isclose(criterion(predicted(other), mask), before, rtol=1e-5, atol=0)


@pytest.mark.parametrize("case", [each for each in CASES if each[0] > 1 and each[1] != "deep_supervision"], ids=name_of)
def test_ignored_pixels_have_no_say(loss, case) -> None:
    classes, *options = case
    criterion, logits, mask = loss(*options), torch.randn(2, classes, 8, 8), random_mask(classes, 2, 8, 8)
    mask[:, 4:] = 255
    other = logits.clone()
    other[:, :, 4:] = 50 * torch.randn(2, classes, 4, 8)
    torch.testing.assert_close(criterion(predicted(logits), mask), criterion(predicted(other), mask))
    nothing = criterion(predicted(logits), torch.full_like(mask, 255))
    assert nothing == 0


@every_loss
def test_it_keeps_no_state(loss, case) -> None:
    assert not loss(*case[1:]).state_dict()


@every_loss
def test_an_empty_batch_is_nan_and_not_refused(loss, case) -> None:
    classes, *options = case
    logits = torch.zeros(0, classes, 8, 8, requires_grad=True)
    found = loss(*options)(predicted(logits), random_mask(classes, 0, 8, 8))
    assert found.isnan()
    assert torch.autograd.grad(found, logits)[0].shape == logits.shape


AREAS = [case for case in CASES if case[1] not in {"edge", "boundary", "deep_supervision"} and "0.0" not in str(case)]


@pytest.mark.parametrize("case", AREAS, ids=name_of)
def test_descending_it_finds_the_mask(loss, case) -> None:
    classes, *options = case
    criterion, mask = loss(*options), square(classes, 12, 3)
    logits = torch.zeros(1, classes, 12, 12, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(100):
        optimizer.zero_grad()
        criterion(predicted(logits), mask).backward()
        optimizer.step()
    found = logits > 0 if classes == 1 else logits.argmax(dim=1)
    assert torch.equal(found.to(mask.dtype), mask)
