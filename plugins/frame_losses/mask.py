"""Cross-entropy and soft IoU of the mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from frame_losses.cross_entropy import cross_entropy
from frame_losses.pixels import iou_distance, over_classes, pixels

if TYPE_CHECKING:
    from frame import Prediction


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
        probability, truth, _ = pixels(prediction.logits, mask)
        overlap = over_classes(iou_distance(probability, truth), truth, None)
        return (self.bce * cross_entropy(prediction.logits, mask) + self.iou * overlap).mean()
