"""The structure loss: cross-entropy and IoU that look most closely at the object's boundary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from frame_losses.pixels import IGNORED, binary_entropy, iou_distance, over_classes, over_pixels, pixels
from frame_losses.precision import at_least_float32

if TYPE_CHECKING:
    from frame import Prediction


class StructureLoss(nn.Module):
    """Weighted cross-entropy + (1 - weighted soft IoU), a pixel's weight ``1 + boundary * |mean(mask) - mask|``.

    The mean is that of a square window about the pixel, so what lies near a boundary, or in something thin, counts up
    to ``1 + boundary`` times. Wei et al., "F3Net: Fusion, Feedback and Focus for salient object detection", AAAI 2020,
    equations 5 to 8, with their window and weight; the loss of most work on camouflaged objects and polyps. Their
    published code says ``reduce="none"``, which torch takes for true, so that its cross-entropy is not weighted; here
    it is, as in the paper.

    With many classes a pixel is weighted by the map of its own class, and the IoU is a mean over the classes that the
    image holds.
    """

    def __init__(self, *, window: int = 31, boundary: float = 5.0) -> None:
        super().__init__()
        self.window = window
        self.boundary = boundary

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """Logits ``[B, 1, H, W]`` with a mask ``[B, 1, H, W]``, or ``[B, K, H, W]`` with ``[B, H, W]``, to a scalar."""
        logits = at_least_float32(prediction.logits)
        probability, truth, counted = pixels(logits, mask)
        weight = 1 + self.boundary * (box_mean(truth, self.window) - truth).abs()
        if counted is None:
            entropy = binary_entropy(logits, mask)
        else:
            weight = (weight * truth).sum(dim=1, keepdim=True)  # that of a pixel's own class; ignored ones have none
            entropy = F.cross_entropy(logits, mask, ignore_index=IGNORED, reduction="none").unsqueeze(1)
        overlap = over_classes(iou_distance(probability, truth, weight), truth, None)
        return (over_pixels(entropy, weight) + overlap).mean()


def box_mean(maps: Tensor, window: int) -> Tensor:
    """Mean of ``[B, K, H, W]`` over a square window about each pixel, beyond the border 0; first along, then across.

    In two passes of ``window`` additions instead of one of ``window ** 2``.
    """
    pad = window // 2
    along = F.avg_pool2d(maps, (1, window), stride=1, padding=(0, pad))
    return F.avg_pool2d(along, (window, 1), stride=1, padding=(pad, 0))
