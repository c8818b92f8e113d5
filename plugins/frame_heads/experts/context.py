"""Context: what lies around, from an eighth of the image to the whole of it, and how varied it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from frame_heads.layers import Pointwise, group_norm, in_graph, upsample

if TYPE_CHECKING:
    from collections.abc import Sequence


EPSILON = 1e-6  # the root's slope is infinite at 0


class Context(nn.Module):
    """Pyramid pooling (Zhao et al., 2017, arXiv:1612.01105) of means and deviations, over 1, 2, 4 and 8 cells a side.

    Mean and deviation together say what a texture is like (Huang & Belongie, 2017, arXiv:1703.06868). The grids are
    summed from the coarsest on, each at its own size, so that only one map is enlarged to the full size.
    """

    def __init__(self, *, channels: int, bins: Sequence[int] = (8, 4, 2, 1)) -> None:
        super().__init__()
        self.bins = tuple(sorted(bins))
        self.grids = nn.ModuleList(Pointwise(channels, channels) for _ in self.bins)
        self.spread = Pointwise(channels, channels, bias=False)
        self.fuse = nn.Sequential(group_norm(channels), nn.ReLU(inplace=True), Pointwise(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        context = x.new_zeros(1, 1, 1, 1)
        exact = x.to(torch.promote_types(x.dtype, torch.float32))
        middle = exact.mean((2, 3), keepdim=True)
        around = exact - middle  # so that the difference of squares keeps its digits
        squares = around.square()
        for bins, grid in zip(self.bins, self.grids, strict=True):
            means = _means(around, bins)
            deviations = (_means(squares, bins) - means.square()).clamp_min(EPSILON).sqrt()
            cells: Tensor = grid((means + middle).to(x.dtype)) + self.spread(deviations.to(x.dtype))
            context = cells + upsample(context, cells.shape[-2:])
        out: Tensor = self.fuse(x + upsample(context, x.shape[-2:]))
        return out


def _means(x: Tensor, bins: int) -> Tensor:
    """Means over at most ``bins`` equal cells a side; adaptive pooling has no deterministic gradient on a GPU."""
    cells = [(side + bins - 1) // bins for side in x.shape[-2:]]
    if in_graph():  # whose pools have a fixed size
        with torch.autocast(x.device.type, enabled=False):  # which would make matrix products half precision
            down, right = (_averaging(x, axis, size) for axis, size in zip((-2, -1), cells, strict=True))
            return down @ x @ right.t()
    return F.avg_pool2d(x, cells, ceil_mode=True)


def _averaging(x: Tensor, axis: int, size: int) -> Tensor:
    """``[cells, side]``: what makes means over ``size`` pixels along one axis of ``x``, the last over what is left."""
    side = x.shape[axis]
    cell = torch.arange(side, device=x.device) // size
    share = (cell == torch.arange((side + size - 1) // size, device=x.device)[:, None]).to(x.dtype)
    return share / share.sum(1, keepdim=True)
