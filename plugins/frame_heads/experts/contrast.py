"""Contrast: what a place has and its surroundings have not."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from frame_heads.layers import Pointwise, depthwise, group_norm, upsample


class Contrast(nn.Module):
    """A depthwise 3x3 filter less one of the surroundings (context-contrasted features: Ding et al., CVPR 2018).

    The surroundings are filtered on cell means, where three taps reach over three cells.
    """

    def __init__(self, *, channels: int, surround: int = 4) -> None:
        super().__init__()
        self.cell = surround
        self.local, self.around = depthwise(channels), depthwise(channels)
        self.fuse = nn.Sequential(group_norm(channels), nn.ReLU(inplace=True), Pointwise(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        around = self.around(F.avg_pool2d(x, self.cell, ceil_mode=True, count_include_pad=False))
        out: Tensor = self.fuse(self.local(x) - upsample(around, x.shape[-2:]))
        return out
