"""Deep supervision: a loss on the head's coarser logits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from frame import Prediction, UserError
from frame_losses.precision import at_least_float32

if TYPE_CHECKING:
    from frame import Part


class DeepSupervision(nn.Module):
    """The weighted mean of ``loss`` over ``prediction.side``, each upsampled to the mask's size.

    Lee et al., "Deeply-supervised nets", AISTATS 2015, whose weight falls over training, as ``decay`` makes it: from 1
    at the run's first step to ``final`` at its last.

    Parameters
    ----------
    loss
        Builds the loss of each side.
    weights
        One a side, finest first; without it all count the same.
    decay
        How the whole falls over the run: not at all, in a line, or along half a cosine.
    final
        What is left at the last step.
    """

    def __init__(
        self,
        *,
        loss: Part,
        weights: tuple[float, ...] | None = None,
        decay: Literal["none", "linear", "cosine"] = "none",
        final: float = 0.0,
    ) -> None:
        super().__init__()
        self.loss: nn.Module = loss()
        self.weights = weights
        self.decay = decay
        self.final = final
        self.factor = 1.0

    def set_progress(self, progress: float) -> None:
        """Follow the run, whose first step is at 0 and last at 1."""
        if self.decay != "none":
            left = 1 - progress if self.decay == "linear" else (1 + math.cos(math.pi * progress)) / 2
            self.factor = self.final + (1 - self.final) * left

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
        # At a factor of 0 the graph stays: what only the sides need has a gradient in every step and every process.
        return total * (self.factor / sum(weights))


def _upsampled(side: Tensor, size: tuple[int, ...]) -> Tensor:
    return F.interpolate(at_least_float32(side), size=size, mode="bilinear", align_corners=False)
