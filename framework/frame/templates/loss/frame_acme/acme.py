"""The loss: plain PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from frame import Prediction


class Acme(nn.Module):
    """PolyLoss (Leng et al., 2022, arXiv:2204.12511): ``cross-entropy + epsilon * (1 - p)``, a mean over pixels.

    ``p`` is the probability that a pixel's true class is given.

    Parameters
    ----------
    epsilon
        Weight of the added term.
    """

    def __init__(self, *, epsilon: float = 1.0) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """To a scalar, from logits ``[B, K, H, W]`` and what is true.

        That is ``[B, 1, H, W]`` in {0, 1} for K = 1, and ``[B, H, W]`` of class indices with 255 ignored for more.
        """
        logits = prediction.logits
        logits = logits if logits.dtype.itemsize > 2 else logits.float()  # half precision loses what is nearly right
        if logits.shape[1] == 1:
            entropy = F.binary_cross_entropy_with_logits(logits, mask.to(logits.dtype), reduction="none")
            return (entropy + self.epsilon * (1 - (-entropy).exp())).mean()
        entropy = F.cross_entropy(logits, mask, ignore_index=255, reduction="none")  # 0 where ignored
        return (entropy + self.epsilon * (1 - (-entropy).exp())).sum() / (mask != 255).sum().clamp(min=1)
