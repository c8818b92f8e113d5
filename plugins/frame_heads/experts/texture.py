"""Texture: detail at several scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from frame_heads.layers import Pointwise, group_norm

if TYPE_CHECKING:
    from collections.abc import Sequence


class Texture(nn.Module):
    """3x3 convolutions at several dilations, side by side, each with a share of a narrower map.

    Reduce, split, transform, merge, as in ESPNet (Mehta et al., 2018, arXiv:1803.06815).
    """

    def __init__(self, *, channels: int, dilations: Sequence[int] = (1, 2, 3, 4), reduction: int = 2) -> None:
        super().__init__()
        share = max(1, channels // (reduction * len(dilations)))
        narrow = share * len(dilations)
        self.reduce = Pointwise(channels, narrow)
        self.scales = nn.ModuleList(nn.Conv2d(share, share, 3, padding=d, dilation=d, bias=False) for d in dilations)
        self.fuse = nn.Sequential(group_norm(narrow), nn.ReLU(inplace=True), Pointwise(narrow, channels))

    def forward(self, x: Tensor) -> Tensor:
        shares = self.reduce(x).chunk(len(self.scales), dim=1)
        out: Tensor = self.fuse(
            torch.cat([scale(part) for scale, part in zip(self.scales, shares, strict=True)], dim=1)
        )
        return out
