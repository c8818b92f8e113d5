"""The decoder that the heads share: a top-down path, and logits at every level."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from frame_heads.layers import group_norm, in_fast_layout, upsample

if TYPE_CHECKING:
    from collections.abc import Sequence


class Laterals(nn.ModuleList):
    """For each level a 1x1 convolution to ``width`` channels and a GroupNorm."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__(nn.Sequential(nn.Conv2d(c, width, 1, bias=False), group_norm(width)) for c in channels)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """One map ``[B, C_i, h_i, w_i]`` a level to one ``[B, width, h_i, w_i]``, in the layout that is fast."""
        return [in_fast_layout(lateral(x)) for lateral, x in zip(self, features, strict=True)]


class Decoder(nn.Module):
    """Top-down sums (Lin et al., 2017, arXiv:1612.03144), a 3x3 convolution after each, and logits."""

    def __init__(self, *, levels: int, width: int, num_classes: int, side_outputs: bool) -> None:
        super().__init__()
        self.smooth = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), group_norm(width), nn.ReLU(inplace=True))
            for _ in range(levels)
        )
        self.classify = nn.ModuleList(nn.Conv2d(width, num_classes, 1) for _ in range(levels if side_outputs else 1))

    def forward(self, features: Sequence[Tensor], size: tuple[int, int]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Maps ``[B, width, h, w]``, finest first and of any sizes, to logits at ``size`` and coarser ones.

        Returns
        -------
        logits
            ``[B, K, *size]``, from the finest map.
        side
            ``[B, K, h, w]`` for each coarser map, finest first; empty without side outputs.
        """
        merged: list[Tensor] = []
        for x, smooth in zip(reversed(features), reversed(self.smooth), strict=True):
            merged.append(smooth(x + upsample(merged[-1], x.shape[-2:]) if merged else x))
        logits, *side = (classify(x) for classify, x in zip(self.classify, reversed(merged), strict=False))
        return upsample(logits, size), tuple(side)
