"""Contrast: what a place has more of than its surroundings."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from frame_heads.layers import Pointwise, depthwise, group_norm, upsample


class Contrast(nn.Module):
    """The energy of a depthwise 3x3 filter less that of the surroundings.

    Filter, rectify, filter: so eyes see a texture's border (Landy & Bergen, 1991, Vision Research 31). The difference
    is that of context-contrasted features (Ding et al., CVPR 2018). The surroundings are filtered on cell means,
    where three taps reach over three cells.
    """

    def __init__(self, *, channels: int, surround: int = 4) -> None:
        super().__init__()
        self.cell = surround
        self.local, self.around = depthwise(channels), depthwise(channels)
        self.fuse = nn.Sequential(group_norm(channels), nn.ReLU(inplace=True), Pointwise(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        energy = self.local(x).abs()
        around = self.around(F.avg_pool2d(energy, self.cell, ceil_mode=True, count_include_pad=False))
        out: Tensor = self.fuse(energy - upsample(around, x.shape[-2:]))
        return out
