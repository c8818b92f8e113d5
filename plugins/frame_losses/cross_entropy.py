"""Cross-entropy, the loss of every pixel by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from frame_losses.pixels import IGNORED, binary_entropy, over, over_pixels, refuse_other_than, weights_tensor
from frame_losses.precision import at_least_float32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frame import Prediction


class CrossEntropy(nn.Module):
    """``-log p`` of each pixel's class, the mean over an image's pixels, and over images.

    Of each image it is torch's ``cross_entropy`` with ``weight`` and ``label_smoothing`` (Szegedy et al., CVPR 2016):
    with weights a weighted mean, divided by the weights of the pixels that count. One class is the softmax of two
    of which the background's logit is 0, so it takes two weights, the background's and the object's.
    """

    class_weights: Tensor | None

    def __init__(self, *, class_weights: Sequence[float] | None = None, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("class_weights", weights_tensor(class_weights), persistent=False)
        self.label_smoothing = label_smoothing

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """A scalar. Raises :class:`frame.UserError` if the weights are not one a class."""
        refuse_other_than(max(2, prediction.logits.shape[1]), self.class_weights, "cross_entropy")
        return cross_entropy(prediction.logits, mask, self.class_weights, self.label_smoothing).mean()


def cross_entropy(
    logits: Tensor, mask: Tensor, class_weights: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """``[B]``, of each image."""
    logits = at_least_float32(logits)
    if class_weights is not None:
        class_weights = class_weights.to(logits.dtype)
    if logits.shape[1] == 1:
        return _binary(logits, mask.to(logits.dtype), class_weights, label_smoothing)
    entropy = F.cross_entropy(
        logits,
        mask,
        weight=class_weights,
        ignore_index=IGNORED,
        reduction="none",
        label_smoothing=label_smoothing,
    ).unsqueeze(1)
    counted = mask != IGNORED
    if class_weights is None:
        return over_pixels(entropy, counted.unsqueeze(1))
    weight = class_weights[mask.where(counted, 0)] * counted
    return over(entropy.sum(dim=(1, 2, 3)), weight.sum(dim=(1, 2)))


def _binary(logits: Tensor, mask: Tensor, class_weights: Tensor | None, label_smoothing: float) -> Tensor:
    target = mask * (1 - label_smoothing) + label_smoothing / 2 if label_smoothing else mask
    if class_weights is None:
        return over_pixels(binary_entropy(logits, target), None)
    outside, inside = class_weights
    entropy = inside * target * F.logsigmoid(logits) + outside * (1 - target) * F.logsigmoid(-logits)
    weight = inside * mask + outside * (1 - mask)
    return over(-entropy.sum(dim=(1, 2, 3)), weight.sum(dim=(1, 2, 3)))
