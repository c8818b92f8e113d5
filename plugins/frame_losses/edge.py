"""Losses of the outline: Sobel's gradient, and the overlap of boundaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from frame_losses.pixels import SMOOTH, over_classes, over_pixels, pixels

if TYPE_CHECKING:
    from frame import Prediction


class EdgeLoss(nn.Module):
    """Mean squared length of the difference between the Sobel gradients of probability and mask.

    The filters of Sobel and Feldman (1968) have their usual whole numbers, so beside a straight edge the gradient is 4
    long. It is the gradients that are compared, not their lengths, for which a mask and its inverse are the same. The
    border is repeated: zeros would draw an edge around the image. A mean over an image's pixels that are not ignored
    and over classes, and over images.
    """

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """Logits ``[B, 1, H, W]`` with a mask ``[B, 1, H, W]``, or ``[B, K, H, W]`` with ``[B, H, W]``, to a scalar."""
        probability, truth, counted = pixels(prediction.logits, mask)
        wrong = probability - truth  # the filters are linear
        # By differences of slices: autocast would round a convolution.
        across, down = _smoothed(_difference(wrong, -1), -2), _smoothed(_difference(wrong, -2), -1)
        return over_pixels(across.square() + down.square(), counted).mean()


class BoundaryLoss(nn.Module):
    """``1 - F1`` of the boundaries of probability and mask, which may lie ``tolerance`` pixels apart.

    A boundary is what a maximum over ``width`` pixels of the background adds to it: the object's rim. Bokhovkin and
    Burnaev, "Boundary loss for remote sensing imagery semantic segmentation", ISNN 2019, equations 3 to 7. It says
    nothing of what is far from any boundary, nor which side is the object: it belongs beside a loss of areas. A mean
    over images, and within each over the classes that its mask holds.
    """

    def __init__(self, *, width: int = 3, tolerance: int = 2) -> None:
        super().__init__()
        self.width = width
        self.tolerance = tolerance

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """Logits ``[B, 1, H, W]`` with a mask ``[B, 1, H, W]``, or ``[B, K, H, W]`` with ``[B, H, W]``, to a scalar."""
        probability, truth, counted = pixels(prediction.logits, mask)
        found, true = (self._rim(each, counted) for each in (probability, truth))
        precision, recall = self._covered(found, true), self._covered(true, found)
        return over_classes(1 - 2 * precision * recall / (precision + recall), truth, None).mean()

    def _rim(self, maps: Tensor, counted: Tensor | None) -> Tensor:
        outside = 1 - maps
        rim = dilated(outside, self.width) - outside
        return rim if counted is None else rim * counted

    def _covered(self, rim: Tensor, other: Tensor) -> Tensor:
        """Which share of a rim lies near another, ``[B, K]``; all of one that there is not."""
        near = dilated(other, 2 * self.tolerance + 1)
        return ((rim * near).sum(dim=(2, 3)) + SMOOTH) / (rim.sum(dim=(2, 3)) + SMOOTH)


def _difference(maps: Tensor, dim: int) -> Tensor:
    before, _, after = _shifted(maps, dim)
    return after - before


def _smoothed(maps: Tensor, dim: int) -> Tensor:
    before, here, after = _shifted(maps, dim)
    return before + 2 * here + after


def _shifted(maps: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    size = maps.shape[dim]
    padded = torch.cat([maps.narrow(dim, 0, 1), maps, maps.narrow(dim, size - 1, 1)], dim=dim)
    return padded.narrow(dim, 0, size), maps, padded.narrow(dim, 2, size)


def dilated(maps: Tensor, window: int) -> Tensor:
    """Maximum over a square window of odd size about each pixel."""
    return F.max_pool2d(maps, window, stride=1, padding=window // 2)
