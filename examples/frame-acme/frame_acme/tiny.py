"""The backbone: plain PyTorch, which imports nothing of Frame."""

from __future__ import annotations

from torch import Tensor, nn


class Tiny(nn.Module):
    """Four strided convolutions; maps at strides 4, 8, 16 and 32."""

    def __init__(self, *, width: int = 16) -> None:
        super().__init__()
        self.channels = (width, 2 * width, 4 * width, 8 * width)
        self.strides = (4, 8, 16, 32)
        self.levels = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(c_in, c_out, stride + 1, stride, padding=stride // 2), nn.GroupNorm(1, c_out), nn.GELU()
            )
            for c_in, c_out, stride in zip((3, *self.channels[:-1]), self.channels, (4, 2, 2, 2), strict=True)
        )

    @property
    def stages(self) -> list[list[nn.Module]]:
        """Optional: what unfreezing stage by stage counts, from the image's side on."""
        return [[level] for level in self.levels]

    def forward(self, image: Tensor) -> list[Tensor]:
        """``[B, 3, H, W]`` to one map ``[B, C_i, ceil(H / s_i), ceil(W / s_i)]`` a level, finest first."""
        maps: list[Tensor] = []
        for level in self.levels:
            maps.append(level(maps[-1] if maps else image))
        return maps
