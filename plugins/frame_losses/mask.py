"""Cross-entropy and soft IoU of the mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from frame_losses.precision import at_least_float32

if TYPE_CHECKING:
    from frame import Prediction

IGNORED = 255
SMOOTH = 1.0  # pixels: keeps the ratio and its gradient finite on an empty mask


class MaskLoss(nn.Module):
    """``bce`` * cross-entropy + ``iou`` * (1 - soft IoU), for one class and for many.

    Both terms are means over images, so the loss of a batch is the mean of its images' losses however the batch is
    split over devices or accumulated. The pair is F3Net's structure loss (Wei et al., AAAI 2020) without its pixel
    weights; the soft IoU is Rahman and Wang's (ISVC 2016).
    """

    def __init__(self, *, bce: float = 1.0, iou: float = 1.0) -> None:
        super().__init__()
        self.bce = bce
        self.iou = iou

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """Logits ``[B, 1, H, W]`` with a mask ``[B, 1, H, W]``, or ``[B, K, H, W]`` with ``[B, H, W]``, to a scalar."""
        logits = at_least_float32(prediction.logits)
        terms = binary_terms if logits.shape[1] == 1 else class_terms
        entropy, overlap = terms(logits, mask)
        return self.bce * entropy + self.iou * (1 - overlap)


def binary_terms(logits: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy, and the mean over images of the object's soft IoU."""
    mask = mask.to(logits.dtype)
    probability = logits.sigmoid()
    both = (probability * mask).sum(dim=(1, 2, 3))
    either = probability.sum(dim=(1, 2, 3)) + mask.sum(dim=(1, 2, 3)) - both
    return F.binary_cross_entropy_with_logits(logits, mask), soft_iou(both, either).mean()


def class_terms(logits: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy over the pixels that count, and soft IoU over the classes that an image's mask holds."""
    counted = mask != IGNORED  # [B, H, W]
    entropy = F.cross_entropy(logits, mask, ignore_index=IGNORED, reduction="none").sum(dim=(1, 2))
    entropy = entropy / counted.sum(dim=(1, 2)).clamp(min=1)

    classes = torch.arange(logits.shape[1], device=mask.device).view(-1, 1, 1)
    truth = mask.unsqueeze(1) == classes  # [B, K, H, W]; 255 is no class
    probability = logits.softmax(dim=1) * counted.unsqueeze(1)
    area = truth.sum(dim=(2, 3))  # [B, K]
    both = (probability * truth).sum(dim=(2, 3))
    either = probability.sum(dim=(2, 3)) + area - both
    present = area > 0
    overlap = (soft_iou(both, either) * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)
    blank = ~present.any(dim=1)  # every pixel is ignored: nothing to lose
    return entropy.mean(), torch.where(blank, 1.0, overlap).mean()


def soft_iou(both: Tensor, either: Tensor) -> Tensor:
    """Intersection over union of soft areas in pixels."""
    return (both + SMOOTH) / (either + SMOOTH)
