"""A head that keeps the contract, with a router over two branches."""

import torch
from torch import nn
from torch.nn import functional as F

from frame import Component, Options, Prediction, hookimpl


class BranchesOptions(Options):
    width: int = 8
    """Channels inside."""


class Branches(nn.Module):
    extra_names = {"router.0": ("left", "right")}  # noqa: RUF012

    def __init__(self, *, channels, strides, num_classes, width=8):
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.branches = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.router = nn.Linear(width, 2)
        self.out = nn.Conv2d(width, num_classes, 1)
        self.sharpness = 1.0

    def set_progress(self, progress):
        self.sharpness = 1.0 + progress

    def forward(self, features, size):
        maps = [lateral(each) for lateral, each in zip(self.laterals, features, strict=True)]
        x = maps[0]
        for each in maps[1:]:
            x = x + F.interpolate(each, size=x.shape[-2:], mode="bilinear")
        weights = (self.sharpness * self.router(x.mean((2, 3)))).softmax(1)
        mixed = torch.stack([branch(x) for branch in self.branches], 1)
        x = x + (mixed * weights[:, :, None, None, None]).sum(1)
        logits = F.interpolate(self.out(x), size=size, mode="bilinear")
        side = tuple(self.out(each) for each in maps)
        load = F.one_hot(weights.argmax(1), 2).float()
        return Prediction(logits, side, {"router.0": weights, "load.0": load})


@hookimpl
def frame_heads():
    yield Component(
        name="branches", target=f"{__name__}:Branches", options=f"{__name__}:BranchesOptions", summary="Two branches"
    )
