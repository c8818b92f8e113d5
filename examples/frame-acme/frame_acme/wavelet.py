"""The expert: plain PyTorch, which imports nothing of Frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Wavelet(nn.Module):
    """The detail bands of a Haar wavelet: what changes from one pixel of the map to the next.

    The mixture adds what comes in, so an expert gives the change alone. ``smooth``: the mean of each four pixels too.
    """

    def __init__(self, *, channels: int, smooth: bool = False) -> None:
        super().__init__()
        self.smooth = smooth
        self.mix = nn.Sequential(
            nn.Conv2d((4 if smooth else 3) * channels, channels, 1), nn.GroupNorm(1, channels), nn.GELU()
        )
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` to ``[N, C, H, W]``, for the N images that chose it."""
        height, width = x.shape[-2:]
        x = F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
        upper, lower = x[..., ::2, :], x[..., 1::2, :]
        bands = [rows[..., ::2] + sign * rows[..., 1::2] for rows in (upper + lower, upper - lower) for sign in (1, -1)]
        mixed = self.mix(torch.cat(bands if self.smooth else bands[1:], dim=1) / 2)
        return F.interpolate(self.out(mixed), size=(height, width), mode="bilinear")
