"""A router's scores, kept small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from frame import UserError
from frame_losses.precision import at_least_float32

if TYPE_CHECKING:
    from frame import Prediction

SCORES = "scores."


class RouterZ(nn.Module):
    """The mean of ``logsumexp(scores) ** 2`` over images and routed layers (Zoph et al., 2022, arXiv:2202.08906).

    It keeps a softmax from growing sure of itself by ever larger scores, whose rounding then decides. Reads
    ``extras["scores.<layer>"]``, ``[B, E]``.
    """

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """A scalar. Raises :class:`frame.UserError` if the head does not tell a router's scores."""
        scores = [each for name, each in prediction.extras.items() if name.startswith(SCORES)]
        if not scores:
            raise UserError(
                'router_z: the head tells no router\'s scores; use head.name = "moe", or take this loss out with its '
                "label = false under [losses]"
            )
        return torch.stack([at_least_float32(each).logsumexp(dim=1).square().mean() for each in scores]).mean()
