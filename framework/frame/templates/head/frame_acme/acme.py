"""The head: plain PyTorch, and the form of what it returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from frame import Prediction
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence


class Acme(nn.Module):
    """The decoder of SegFormer (Xie et al., 2021, arXiv:2105.15203): each level is projected, enlarged, and all fused.

    Parameters
    ----------
    channels
        Channels of each of the backbone's maps, finest first.
    strides
        Their strides; not used, for the maps themselves say their sizes.
    num_classes
        ``K``, the channels of the logits: 1 for binary work.
    width
        Channels to which every level is projected.
    side_outputs
        Give coarse logits of each level too.
    """

    def __init__(
        self,
        *,
        channels: Sequence[int],
        strides: Sequence[int],
        num_classes: int,
        width: int = 64,
        side_outputs: bool = True,
    ) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Conv2d(each, width, 1) for each in channels)
        self.fuse = nn.Sequential(
            nn.Conv2d(len(channels) * width, width, 1, bias=False), nn.GroupNorm(1, width), nn.GELU()
        )
        self.logits = nn.Conv2d(width, num_classes, 1)
        self.sides = nn.ModuleList(nn.Conv2d(width, num_classes, 1) for _ in channels if side_outputs)

    def forward(self, features: Sequence[Tensor], size: tuple[int, int]) -> Prediction:
        """One map ``[B, C_i, h_i, w_i]`` a level, finest first, to logits ``[B, K, *size]``; no probabilities."""
        maps: list[Tensor] = [project(each) for project, each in zip(self.project, features, strict=True)]
        finest = maps[0].shape[-2:]
        fused = self.fuse(torch.cat([enlarged(each, finest) for each in maps], dim=1))
        side = tuple(layer(each) for layer, each in zip(self.sides, maps, strict=False))
        return Prediction(enlarged(self.logits(fused), size), side)


def enlarged(x: Tensor, size: Sequence[int]) -> Tensor:
    """``[B, C, h, w]`` to ``[B, C, *size]``."""
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
