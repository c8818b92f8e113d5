"""The focal loss: cross-entropy that leaves alone what is right already."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from frame import UserError
from frame_losses.pixels import IGNORED, over_pixels, refuse_other_than, weights_tensor
from frame_losses.precision import at_least_float32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frame import Prediction


class Focal(nn.Module):
    """``-alpha * (1 - p) ** gamma * log p`` of each pixel's class, the mean over an image's pixels, and over images.

    Lin et al., "Focal loss for dense object detection", ICCV 2017, over a softmax for many classes. ``alpha`` is the
    paper's, the object's weight against ``1 - alpha`` of the background, or a weight for each class; unlike the class
    weights of ``cross_entropy`` it multiplies only, as there.

    ``1 - p`` is computed as the probability of all other classes, so it and its gradient are exact where ``p`` is
    nearly 1, for any ``gamma``.
    """

    alpha: Tensor | None

    def __init__(self, *, gamma: float = 2.0, alpha: float | Sequence[float] | None = None) -> None:
        super().__init__()
        self.gamma = gamma
        self.for_one_class = isinstance(alpha, float | int)
        weights = (1 - alpha, alpha) if isinstance(alpha, float | int) else alpha
        self.register_buffer("alpha", weights_tensor(weights), persistent=False)

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """A scalar. Raises :class:`frame.UserError` if ``alpha`` does not fit the classes."""
        logits = at_least_float32(prediction.logits)
        self._refuse(logits.shape[1])
        if logits.shape[1] == 1:
            label, counted = mask.long(), None
            signed = logits * (2 * mask.to(logits.dtype) - 1)
            right, wrong = F.logsigmoid(signed), F.logsigmoid(-signed)
        else:
            counted = (mask != IGNORED).unsqueeze(1)
            label = mask.unsqueeze(1).where(counted, 0)
            everything = logits.log_softmax(dim=1)
            right = everything.gather(1, label)
            wrong = everything.scatter(1, label, -math.inf).logsumexp(dim=1, keepdim=True)
        loss = -torch.exp(self.gamma * wrong) * right  # [B, 1, H, W]
        if self.alpha is not None:
            loss = loss * self.alpha.to(loss.dtype)[label]
        return over_pixels(loss, counted).mean()

    def _refuse(self, classes: int) -> None:
        if self.for_one_class and classes > 1:
            raise UserError(f"focal: a single alpha is for one class; give a weight for each of the {classes}")
        refuse_other_than(max(2, classes), self.alpha, "focal")
