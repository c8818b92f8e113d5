"""The expert: plain PyTorch, which imports nothing of Frame."""

from __future__ import annotations

from torch import Tensor, nn


class Acme(nn.Module):
    """A wide depthwise filter, then one over channels: what lies around a place, weighed by distance.

    The mixture adds what comes in, so an expert gives the change alone. It holds no batch statistics: the images of a
    batch are routed one by one, and running the chosen ones alone has to equal running all.

    Parameters
    ----------
    channels
        ``C`` of the map, which the mixture knows.
    kernel
        Side of the filter, odd.
    """

    def __init__(self, *, channels: int, kernel: int = 7) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels),
            nn.GroupNorm(1, channels),
            nn.GELU(),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` to ``[N, C, H, W]``, for the N images that chose it."""
        out: Tensor = self.change(x)
        return out
