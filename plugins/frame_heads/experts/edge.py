"""Edge: where the map changes, whatever the direction."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from frame_heads.layers import Pointwise, group_norm

SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
LAPLACE = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
EPSILON = 1e-6  # the root's slope is infinite at 0


class Edge(nn.Module):
    """Magnitudes of the Sobel gradient and of the Laplacian, on a narrower map.

    The filters are fixed. They are buffers, to follow the module's device, but not persistent: they are code, and a
    checkpoint that held them could only disagree with it.
    """

    filters: Tensor

    def __init__(self, *, channels: int, reduction: int = 2) -> None:
        super().__init__()
        self.narrow = max(1, channels // reduction)
        sobel, laplace = torch.tensor(SOBEL) / 8, torch.tensor(LAPLACE) / 4  # of gain 1 or less
        bank = torch.stack([sobel, sobel.T, laplace]).unsqueeze(1).repeat_interleave(self.narrow, 0)
        self.register_buffer("filters", bank, persistent=False)  # [3 * narrow, 1, 3, 3], filter by filter
        self.reduce = Pointwise(channels, self.narrow)
        self.fuse = nn.Sequential(
            group_norm(2 * self.narrow), nn.ReLU(inplace=True), Pointwise(2 * self.narrow, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(self.reduce(x), (1, 1, 1, 1), mode="replicate")  # zeros would draw an edge around the map
        across, down, laplace = (F.conv2d(x, bank, groups=self.narrow) for bank in self.filters.chunk(3))
        gradient = (across.square() + down.square() + EPSILON).sqrt()
        out: Tensor = self.fuse(torch.cat([gradient, laplace.abs()], dim=1))
        return out
