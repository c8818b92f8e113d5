"""The loss: plain PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from frame import Prediction


class LogCoshDice(nn.Module):
    """Log-cosh Dice loss (Jadon, 2020, arXiv:2006.14822) for one class, a mean over images."""

    def __init__(self, *, smoothing: float = 1.0) -> None:
        super().__init__()
        self.smoothing = smoothing

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """Logits ``[B, 1, H, W]`` and a mask ``[B, 1, H, W]`` in {0, 1} to a scalar."""
        logits = prediction.logits
        probability = logits.to(torch.promote_types(logits.dtype, torch.float32)).sigmoid()  # sums need more than half
        both, areas = (each.sum(dim=(1, 2, 3)) for each in (probability * mask, probability + mask))
        dice = (2 * both + self.smoothing) / (areas + self.smoothing)
        return (1 - dice).cosh().log().mean()
