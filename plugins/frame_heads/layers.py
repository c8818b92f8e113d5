"""Layers that the heads and experts are made of. None keeps batch statistics, so images don't touch each other."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence


def group_norm(channels: int) -> nn.GroupNorm:
    """GroupNorm (Wu & He, 2018, arXiv:1803.08494) with eight channels a group, or the next more that divides."""
    return nn.GroupNorm(gcd(channels, max(1, channels // 8)), channels)


def depthwise(channels: int, kernel: int = 3, dilation: int = 1) -> nn.Conv2d:
    """A filter of its own for each channel; keeps the map's size. ``kernel`` is odd."""
    padding = dilation * (kernel // 2)
    return nn.Conv2d(channels, channels, kernel, padding=padding, dilation=dilation, groups=channels, bias=False)


def upsample(x: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear, to ``(height, width)``; ``x`` itself if it has that size."""
    if list(x.shape[-2:]) == list(size):
        return x
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
