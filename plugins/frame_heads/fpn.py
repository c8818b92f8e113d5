"""The feature pyramid: what a mixture of experts is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from frame import Prediction
from frame_heads.decoder import Decoder, Laterals

if TYPE_CHECKING:
    from collections.abc import Sequence


class FPN(nn.Module):
    """Feature pyramid network (Lin et al., 2017, arXiv:1612.03144) with logits from its finest level.

    Parameters
    ----------
    channels
        Channels of each of the backbone's maps, finest first.
    strides
        Their strides; not used, for the maps themselves say their sizes.
    num_classes
        ``K``, the channels of the logits.
    width
        Channels of every map in the head.
    side_outputs
        Give logits at the coarser levels too.
    """

    def __init__(
        self,
        *,
        channels: Sequence[int],
        strides: Sequence[int],
        num_classes: int,
        width: int = 64,
        side_outputs: bool = True,
    ) -> None:
        super().__init__()
        self.laterals = Laterals(channels, width)
        self.decoder = Decoder(levels=len(channels), width=width, num_classes=num_classes, side_outputs=side_outputs)

    def forward(self, features: Sequence[Tensor], size: tuple[int, int]) -> Prediction:
        """One map ``[B, C_i, h_i, w_i]`` a level, finest first, to logits ``[B, K, *size]``."""
        return Prediction(*self.decoder(self.laterals(features), size))
