"""What losses of a mask count: probabilities and truth by class, and means over an image's pixels and classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from frame import UserError
from frame_losses.precision import at_least_float32

if TYPE_CHECKING:
    from collections.abc import Sequence

IGNORED = 255
SMOOTH = 1.0  # pixels: keeps a ratio and its gradient finite on an empty mask


class Pixels(NamedTuple):
    """A prediction beside its mask, ``K`` maps each: the object's for one class, those of all classes for many."""

    probability: Tensor
    """``[B, K, H, W]``, 0 where the mask is ignored."""
    truth: Tensor
    """``[B, K, H, W]``, 1 where a pixel is of the class and 0 elsewhere, of the probability's type."""
    counted: Tensor | None
    """``[B, 1, H, W]``, where the mask is not ignored; ``None`` for one class, which ignores nothing."""


def pixels(logits: Tensor, mask: Tensor) -> Pixels:
    """Logits ``[B, 1, H, W]`` with a mask ``[B, 1, H, W]``, or ``[B, K, H, W]`` with ``[B, H, W]``."""
    logits = at_least_float32(logits)
    if logits.shape[1] == 1:
        return Pixels(logits.sigmoid(), mask.to(logits.dtype), None)
    counted = (mask != IGNORED).unsqueeze(1)
    return Pixels(logits.softmax(dim=1) * counted, one_hot(mask, logits), counted)


def one_hot(mask: Tensor, like: Tensor) -> Tensor:
    """A mask ``[B, H, W]`` as a map a class, ``[B, K, H, W]`` as ``like`` is; 255 is no class."""
    classes = torch.arange(like.shape[1], device=mask.device).view(-1, 1, 1)
    return (mask.unsqueeze(1) == classes).to(like.dtype)


def over_pixels(values: Tensor, weight: Tensor | None) -> Tensor:
    """Weighted mean of ``[B, C, H, W]`` over each image, ``[B]``; 0 where no pixel has a weight ``[B, 1, H, W]``."""
    if weight is None:
        return values.mean(dim=(1, 2, 3))
    total = weight.sum(dim=(1, 2, 3)) * values.shape[1]
    return over((values * weight).sum(dim=(1, 2, 3)), total.to(values.dtype))


def over_classes(values: Tensor, truth: Tensor, class_weights: Tensor | None) -> Tensor:
    """Weighted mean of ``[B, K]`` over the classes that each image's mask holds, ``[B]``.

    One class counts always, in an empty mask too. Of many an image has at least one, unless all of it is ignored:
    then there is nothing to lose, 0.
    """
    if values.shape[1] == 1:
        return values.squeeze(1)
    share = (truth.sum(dim=(2, 3)) > 0).to(values.dtype)
    if class_weights is not None:
        share = share * class_weights.to(values.dtype)
    return over((values * share).sum(dim=1), share.sum(dim=1))


def over(part: Tensor, whole: Tensor) -> Tensor:
    """``part / whole``, and 0 where the whole is nothing."""
    there = whole > 0
    return part * there / whole.where(there, 1)


def soft_areas(probability: Tensor, truth: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Of ``[B, K, H, W]`` the areas in pixels, each ``[B, K]``: what both have, the probability's, the truth's."""
    both = probability * truth
    maps = (both, probability, truth) if weight is None else (both * weight, probability * weight, truth * weight)
    inside, predicted, true = (each.sum(dim=(2, 3)) for each in maps)
    return inside, predicted, true


def iou_distance(probability: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """``1 - IoU`` of soft areas, ``[B, K]``."""
    both, predicted, true = soft_areas(probability, truth, weight)
    return 1 - (both + SMOOTH) / (predicted + true - both + SMOOTH)


def weights_tensor(class_weights: Sequence[float] | None) -> Tensor | None:
    """``[K]`` for a buffer that is not persistent: an option is no state."""
    return None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)


def refuse_other_than(expected: int, class_weights: Tensor | None, name: str) -> None:
    """Raise :class:`frame.UserError` if there are weights, and not as many as ``expected``."""
    if class_weights is None or len(class_weights) == expected:
        return
    remedy = "leave it out, one class has nothing to be weighed against" if expected < 2 else f"give {expected}"
    raise UserError(f"{name}: {len(class_weights)} weights of classes do not fit this data set; {remedy}")


def binary_entropy(logits: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy of every pixel, ``[B, 1, H, W]``."""
    return F.binary_cross_entropy_with_logits(logits, mask.to(logits.dtype), reduction="none")
