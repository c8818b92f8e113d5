"""Layers that the heads and experts are made of. None keeps batch statistics, so images don't touch each other."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence


def group_norm(channels: int) -> nn.GroupNorm:
    """GroupNorm (Wu & He, 2018, arXiv:1803.08494) with eight channels a group, or the next more that divides."""
    return nn.GroupNorm(gcd(channels, max(1, channels // 8)), channels)


def depthwise(channels: int, kernel: int = 3) -> nn.Sequential:
    """Filters of their own for each channel that together reach over an odd ``kernel``; keeps the map's size.

    They are 3x3, one after another. On a CPU the gradient of a single wider one takes five to ten times as long.
    """
    return nn.Sequential(
        *(nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False) for _ in range(kernel // 2))
    )


def in_fast_layout(x: Tensor) -> Tensor:
    """``x``, channels-last on a CPU: all that follows in a head is faster there, and resizing ten times as fast."""
    return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x


def upsample(x: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear, to ``(height, width)``; ``x`` itself if it has that size."""
    if list(x.shape[-2:]) == list(size):
        return x
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
