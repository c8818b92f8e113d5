"""An expert that keeps the contract."""

from torch import nn

from frame import Component, Options, hookimpl


class LocalOptions(Options):
    gain: float = 1.0
    """What is added is multiplied by it."""


class Local(nn.Module):
    def __init__(self, *, channels, gain=1.0):
        super().__init__()
        self.gain = gain
        self.norm = nn.GroupNorm(1, channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x + self.gain * self.conv(self.norm(x))


@hookimpl
def frame_experts():
    yield Component(
        name="local", target=f"{__name__}:Local", options=f"{__name__}:LocalOptions", summary="One convolution"
    )
