"""Hybrid: local detail, weighed by what the whole image holds."""

from __future__ import annotations

from torch import Tensor, nn

from frame_heads.layers import Pointwise, depthwise, group_norm


class Hybrid(nn.Module):
    """Depthwise filters that reach over 5x5 pixels on a narrower map, times a global gate.

    The gate is that of squeeze and excitation (Hu et al., 2018, arXiv:1709.01507).
    """

    def __init__(self, *, channels: int, kernel: int = 5, reduction: int = 2) -> None:
        super().__init__()
        narrow = max(1, channels // reduction)
        self.local = nn.Sequential(
            Pointwise(channels, narrow, bias=False),
            depthwise(narrow, kernel),
            group_norm(narrow),
            nn.ReLU(inplace=True),
        )
        self.gate = nn.Sequential(Pointwise(channels, narrow), nn.Sigmoid())
        self.fuse = Pointwise(narrow, channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fuse(self.local(x) * self.gate(x.mean((2, 3), keepdim=True)))
        return out
