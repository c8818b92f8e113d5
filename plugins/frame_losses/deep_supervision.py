"""Deep supervision: a loss on the head's coarser logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from frame import Prediction, UserError
from frame_losses.precision import at_least_float32

if TYPE_CHECKING:
    from frame import Part


class DeepSupervision(nn.Module):
    """The weighted mean of ``loss`` over ``prediction.side``, each upsampled to the mask's size.

    Lee et al., "Deeply-supervised nets", AISTATS 2015. ``weights``: one a side, finest first.
    """

    def __init__(self, *, loss: Part, weights: tuple[float, ...] | None = None) -> None:
        super().__init__()
        self.loss: nn.Module = loss()
        self.weights = weights

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """A scalar. Raises :class:`frame.UserError` if there are no sides, or not one for each weight."""
        sides = prediction.side
        if not sides:
            raise UserError("deep_supervision: the head gives no coarser outputs; set head.side_outputs = true")
        weights = self.weights or (1.0,) * len(sides)
        if len(weights) != len(sides):
            raise UserError(
                f"deep_supervision: weights has {len(weights)} values for the head's {len(sides)} coarser outputs; "
                "give one for each, finest first"
            )
        size = mask.shape[-2:]
        terms = (
            weight * self.loss(Prediction(_upsampled(side, size)), mask)
            for side, weight in zip(sides, weights, strict=True)
            if weight > 0
        )
        total: Tensor = sum(terms, start=mask.new_zeros((), dtype=at_least_float32(sides[0]).dtype))
        return total / sum(weights)


def _upsampled(side: Tensor, size: tuple[int, ...]) -> Tensor:
    return F.interpolate(at_least_float32(side), size=size, mode="bilinear", align_corners=False)
