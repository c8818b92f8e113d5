"""Texture: how much detail there is, at several scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from frame_heads.layers import Pointwise, group_norm, upsample

if TYPE_CHECKING:
    from collections.abc import Sequence


class Texture(nn.Module):
    """The energy of 3x3 convolutions at several dilations, side by side, each with a share of a narrower map.

    Reduce, split, transform, merge, as in ESPNet (Mehta et al., 2018, arXiv:1803.06815). Of each response the magnitude
    counts, in the mean over 2x2 pixels: the texture energy of Laws (1980), by filters that are learned.
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
        energy = torch.cat([scale(part) for scale, part in zip(self.scales, shares, strict=True)], dim=1).abs()
        out: Tensor = self.fuse(F.avg_pool2d(energy, 2, ceil_mode=True, count_include_pad=False))
        return upsample(out, x.shape[-2:])
