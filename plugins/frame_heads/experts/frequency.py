"""Frequency: how much fine and middle structure there is, and what the coarse one is."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from frame_heads.layers import Pointwise, depthwise, group_norm, upsample


class Frequency(nn.Module):
    """Three bands of a Laplacian pyramid (Burt & Adelson, 1983) on a narrower map, each with its own filter.

    Of the two upper bands the magnitudes count, whatever the sign: so textures differ that have the same mean (Bergen &
    Adelson, 1988, Nature 333). The bands come from average pools, and each is filtered at its own resolution.
    """

    def __init__(self, *, channels: int, kernel: int = 3, reduction: int = 2) -> None:
        super().__init__()
        narrow = max(1, channels // reduction)
        self.reduce = Pointwise(channels, narrow, bias=False)
        self.low, self.middle, self.high = (depthwise(narrow, kernel) for _ in range(3))
        self.fuse = nn.Sequential(group_norm(3 * narrow), nn.ReLU(inplace=True), Pointwise(3 * narrow, channels))

    def forward(self, x: Tensor) -> Tensor:
        full = self.reduce(x)
        half = F.avg_pool2d(full, 2, ceil_mode=True, count_include_pad=False)
        quarter = F.avg_pool2d(half, 2, ceil_mode=True, count_include_pad=False)
        full_size, half_size = full.shape[-2:], half.shape[-2:]
        middle = self.middle(half - upsample(quarter, half_size)).abs()
        high = self.high(full - upsample(half, full_size)).abs()
        bands = [high, upsample(middle, full_size), upsample(self.low(quarter), full_size)]
        out: Tensor = self.fuse(torch.cat(bands, dim=1))
        return out
