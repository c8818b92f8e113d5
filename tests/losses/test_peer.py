"""Values of segmentation_models.pytorch 0.6.0, of each image by itself, where both have a loss.

They come from its ``losses`` in float64 (its Lovász in float32) with ``smooth=1.0`` and ``ignore_index=255`` on the
predictions below, which are formulas rather than random numbers. Two differences are its own: it pools a batch, and
over many classes it counts an absent one as 0; hence single images, that hold every class.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from frame import Prediction


def one_class() -> tuple[torch.Tensor, torch.Tensor]:
    at = torch.arange(2 * 6 * 7, dtype=torch.float64).view(2, 1, 6, 7)
    return 3 * torch.sin(at), (torch.cos(0.7 * at) > 0.2).double()


def many_classes(*, ignored: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    at = torch.arange(2 * 4 * 6 * 7, dtype=torch.float64).view(2, 4, 6, 7)
    mask = (5 * torch.arange(2 * 6 * 7) // 3 % 4).view(2, 6, 7)
    if ignored:
        mask[:, 0, :3] = 255
    return 3 * torch.sin(at), mask


@pytest.mark.parametrize(
    ("case", "value"),
    [
        (("dice",), 0.5124512470096744),
        (("soft_iou",), 0.6774009684820199),
        (("tversky",), 0.49906400230130826),
        (("tversky", "gamma=0.75"), 0.5937437020582614),
        (("focal",), 0.8561532293284388),
        (("focal", "alpha=0.25"), 0.4613269898100836),
        (("lovasz",), 2.244521379470825),
        (("cross_entropy",), 1.1721834138661582),
        (("cross_entropy", "label_smoothing=0.2"), 1.167027101327443),  # smooth_factor=0.1 of the other class
    ],
)
def test_one_class(loss: Any, case: tuple[str, ...], value: float) -> None:
    logits, mask = one_class()
    assert float(loss(*case)(Prediction(logits), mask)) == pytest.approx(
        value, rel=1e-6 if case[0] == "lovasz" else 1e-12
    )


@pytest.mark.parametrize(
    ("case", "value"),
    [
        (("dice",), 0.7251155725313168),
        (("dice", "class_weights=[0.5, 1.0, 2.0, 4.0]"), 0.6863569646257495),
        (("soft_iou",), 0.8340577123480151),
        (("tversky",), 0.7275226234137568),
        (("focal",), 3.0219259709537214),  # softmax_focal_loss_with_logits
        (("lovasz",), 0.8401801586151123),
    ],
)
def test_many_classes_with_ignored_pixels(loss: Any, case: tuple[str, ...], value: float) -> None:
    logits, mask = many_classes()
    assert float(loss(*case)(Prediction(logits), mask)) == pytest.approx(
        value, rel=1e-6 if case[0] == "lovasz" else 1e-12
    )


@pytest.mark.parametrize(
    ("smoothing", "value"),
    [(0.0, 3.2623300644567745), (0.1, 3.2255005490772994)],
)
def test_cross_entropy_of_many_classes_where_none_is_ignored(loss: Any, smoothing: float, value: float) -> None:
    logits, mask = many_classes(ignored=False)  # the peer divides by ignored pixels too
    found = loss("cross_entropy", f"label_smoothing={smoothing}")(Prediction(logits), mask)
    assert float(found) == pytest.approx(value, rel=1e-12)
