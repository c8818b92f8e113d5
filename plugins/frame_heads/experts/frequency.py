"""Frequency: coarse, middle and fine structure, each filtered on its own."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from frame_heads.layers import Pointwise, depthwise, group_norm, upsample


class Frequency(nn.Module):
    """Three bands of a Laplacian pyramid (Burt & Adelson, 1983) on a narrower map, each with its own filter.

    The bands come from average pools; each is filtered at its own resolution, which is also the cheapest, and they are
    put together again from the lowest on.
    """

    def __init__(self, *, channels: int, kernel: int = 3, reduction: int = 2) -> None:
        super().__init__()
        narrow = max(1, channels // reduction)
        self.reduce = Pointwise(channels, narrow, bias=False)
        self.low, self.middle, self.high = (depthwise(narrow, kernel) for _ in range(3))
        self.fuse = nn.Sequential(group_norm(narrow), nn.ReLU(inplace=True), Pointwise(narrow, channels))

    def forward(self, x: Tensor) -> Tensor:
        full = self.reduce(x)
        half = F.avg_pool2d(full, 2, ceil_mode=True, count_include_pad=False)
        quarter = F.avg_pool2d(half, 2, ceil_mode=True, count_include_pad=False)
        full_size, half_size = full.shape[-2:], half.shape[-2:]
        coarse = self.middle(half - upsample(quarter, half_size)) + upsample(self.low(quarter), half_size)
        out: Tensor = self.fuse(self.high(full - upsample(half, full_size)) + upsample(coarse, full_size))
        return out
