"""Predictions, masks and losses that several tests look at."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from frame import Prediction

CLASSES = 4
ONE_CLASS = (
    ("mask",),
    ("structure",),
    ("cross_entropy",),
    ("cross_entropy", "class_weights=[0.5, 2.0]", "label_smoothing=0.1"),
    ("focal",),
    ("focal", "gamma=0.5", "alpha=0.25"),
    ("soft_iou",),
    ("dice",),
    ("tversky",),
    ("tversky", "gamma=0.75"),
    ("lovasz",),
    ("edge",),
    ("boundary",),
    ("deep_supervision",),
    ("deep_supervision", "loss=structure"),
)
MANY_CLASSES = (
    *(case for case in ONE_CLASS if len(case) < 3),
    ("cross_entropy", "class_weights=[0.5, 2.0, 0.0, 1.0]", "label_smoothing=0.1"),
    ("focal", "gamma=0.5", "alpha=[0.25, 0.75, 1.0, 2.0]"),
    ("dice", "class_weights=[0.5, 2.0, 0.0, 1.0]"),
    ("lovasz", "class_weights=[0.5, 2.0, 0.0, 1.0]"),
)
CASES = [(1, *case) for case in ONE_CLASS] + [(CLASSES, *case) for case in MANY_CLASSES]
"""Classes, name and options of every loss of a mask, beside that of its side outputs."""


def name_of(case: tuple[object, ...]) -> str:
    return "-".join(map(str, case))


def predicted(logits: Tensor) -> Prediction:
    """With a side output at half the size."""
    return Prediction(logits, side=(F.avg_pool2d(logits, 2, ceil_mode=True),))


def random_mask(classes: int, *shape: int) -> Tensor:
    """Of ``[B, H, W]``; the first row of many classes is ignored, but for one pixel of each class."""
    if classes == 1:
        return (torch.rand(shape) > 0.6).float().unsqueeze(1)
    mask = torch.randint(0, classes, shape)
    mask[:, 0] = 255
    mask[:, 0, :classes] = torch.arange(classes)
    return mask


def square(classes: int, size: int, corner: int) -> Tensor:
    """``[1, size, size]``: a square of the last class on the first."""
    mask = torch.zeros(1, size, size, dtype=torch.long)
    mask[:, corner : corner + size // 3, corner : corner + size // 3] = max(1, classes - 1)
    return mask.float().unsqueeze(1) if classes == 1 else mask


def certain(classes: int, mask: Tensor, scale: float = 8.0) -> Tensor:
    """Logits that say ``mask``."""
    if classes == 1:
        return scale * (2 * mask - 1)
    return scale * F.one_hot(mask.clamp(max=classes - 1), classes).permute(0, 3, 1, 2).float()
