"""A backbone that keeps the contract."""

import torch
from torch import nn
from torch.nn import functional as F

from frame import Component, Options, hookimpl


class SmallOptions(Options):
    width: int = 8
    """Channels of the finest map."""


class Small(nn.Module):
    def __init__(self, *, width=8):
        super().__init__()
        self.channels = (width, 2 * width)
        self.strides = (2, 4)
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.deep = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.register_buffer("mean", torch.zeros(3, 1, 1))

    @property
    def stages(self):
        return [[self.stem, self.norm], [self.deep]]

    def forward(self, image):
        image = image - self.mean
        fine = F.relu(self.norm(self.stem(image)))
        coarse = F.relu(self.deep(fine))
        return [fine, coarse]


@hookimpl
def frame_backbones():
    yield Component(
        name="small", target=f"{__name__}:Small", options=f"{__name__}:SmallOptions", summary="Two convolutions"
    )
