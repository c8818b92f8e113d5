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

    They are 3x3, one after another. On a CPU the gradient of one 5x5 filter takes three to ten times as long as theirs.
    """
    return nn.Sequential(
        *(nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False) for _ in range(kernel // 2))
    )


def in_graph() -> bool:
    """Whether a graph is made of what runs, which can't depend on the data or on the machine."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[no-untyped-call,attr-defined]


FEW_PIXELS = 2048  # up to so many a matrix product is the faster way
PIECES = 16  # below so many images torch takes its slow path


class Pointwise(nn.Conv2d):
    """A 1x1 convolution, to which pixels are pixels, whatever image they are of.

    On a CPU of several threads a convolution of few pixels takes up to twice as long as the same matrix product. On one
    thread torch runs many, of fewer than 16 images in float32, by a path that takes up to twice as long and brings them
    to channels-first (``use_mkldnn`` in its Convolution.cpp): so the pixels are shown as 16 images.
    """

    def __init__(self, channels: int, out_channels: int, *, bias: bool = True) -> None:
        super().__init__(channels, out_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        count, pixels = n * height * width, x.permute(0, 2, 3, 1)
        if in_graph() or x.device.type != "cpu" or x.dtype != torch.float32 or not pixels.is_contiguous():
            return super().forward(x)
        if count <= FEW_PIXELS:
            return F.linear(pixels, self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)
        if n >= PIECES or count % PIECES or torch.get_num_threads() > 1:
            return super().forward(x)
        pieces = super().forward(pixels.view(PIECES, 1, -1, channels).permute(0, 3, 1, 2))
        return pieces.permute(0, 2, 3, 1).reshape(n, height, width, -1).permute(0, 3, 1, 2)


def in_fast_layout(x: Tensor) -> Tensor:
    """``x``, channels-last on a CPU: most of what follows in a head is faster there, resizing six times."""
    return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x


def upsample(x: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear, to ``(height, width)``; ``x`` itself if it has that size, which a graph must not take for granted."""
    if not in_graph() and list(x.shape[-2:]) == list(size):
        return x
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
