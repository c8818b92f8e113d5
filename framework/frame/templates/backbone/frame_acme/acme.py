"""The backbone: plain PyTorch, which imports nothing of Frame."""

from __future__ import annotations

from torch import Tensor, nn


class Acme(nn.Module):
    """Levels of residual depthwise blocks; maps at strides 4, 8, 16 and 32.

    Parameters
    ----------
    width
        Channels of the finest map; each coarser one has twice as many.
    depth
        Blocks a level.
    """

    def __init__(self, *, width: int = 24, depth: int = 2) -> None:
        super().__init__()
        self.channels = (width, 2 * width, 4 * width, 8 * width)
        self.strides = (4, 8, 16, 32)
        self.levels = nn.ModuleList(
            nn.Sequential(down(c_in, c_out, stride), *(Block(c_out) for _ in range(depth)))
            for c_in, c_out, stride in zip((3, *self.channels[:-1]), self.channels, (4, 2, 2, 2), strict=True)
        )

    @property
    def stages(self) -> list[list[nn.Module]]:
        """What ``unfreeze = "progressive"`` counts, from the image's side on. Optional."""
        return [[level] for level in self.levels]

    def forward(self, image: Tensor) -> list[Tensor]:
        """``[B, 3, H, W]`` to one map ``[B, C_i, ceil(H / s_i), ceil(W / s_i)]`` a level, finest first."""
        maps: list[Tensor] = []
        for level in self.levels:
            maps.append(level(maps[-1] if maps else image))
        return maps


class Block(nn.Module):
    """``[B, C, H, W]`` to the same: a depthwise 5x5 filter, then two pointwise ones, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv2d(channels, channels, 5, padding=2, groups=channels),
            nn.GroupNorm(1, channels),  # no statistics over the batch: a small one does no harm
            nn.Conv2d(channels, 2 * channels, 1),
            nn.GELU(),
            nn.Conv2d(2 * channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.change(x)
        return out


def down(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    """``[B, c_in, H, W]`` to ``[B, c_out, ceil(H / stride), ceil(W / stride)]``, for odd sizes too."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, stride + 1, stride, padding=stride // 2), nn.GroupNorm(1, c_out))
