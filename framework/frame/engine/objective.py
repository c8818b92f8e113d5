"""The sum of losses that is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frame.contracts.model import Prediction


class Objective(nn.Module):
    """Weighted sum of losses, each under its label. Computed once, over a whole batch, outside the model."""

    def __init__(self, losses: Mapping[str, nn.Module], weights: Mapping[str, float]) -> None:
        super().__init__()
        self.losses = nn.ModuleDict(losses)
        self.weights = tuple(weights[label] for label in losses)
        self.labels = ("loss", *self.losses)

    def forward(self, prediction: Prediction, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The scalar to differentiate, and ``[1 + L]`` detached: it and each loss, unweighted, in order of labels."""
        parts = [loss(prediction, mask) for loss in self.losses.values()]
        weighted = [part if w == 1 else w * part for part, w in zip(parts, self.weights, strict=True)]
        total = sum(weighted[1:], start=weighted[0])
        return total, torch.stack([each.detach() for each in (total, *parts)])
