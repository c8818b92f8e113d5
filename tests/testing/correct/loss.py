"""A loss that keeps the contract, for one class and for many."""

import torch
from torch import nn
from torch.nn import functional as F

from frame import Component, Options, hookimpl


class MineOptions(Options):
    scale: float = 1.0
    """What it is multiplied by."""


class Mine(nn.Module):
    def __init__(self, *, scale=1.0):
        super().__init__()
        self.scale = scale
        self.register_buffer("level", torch.zeros(()))

    def set_progress(self, progress):
        self.factor = 1.0 + progress

    factor = 1.0

    def forward(self, prediction, mask):
        logits = prediction.logits
        logits = logits if logits.dtype == torch.float64 else logits.float()
        if logits.shape[1] == 1:
            loss = F.binary_cross_entropy_with_logits(logits, mask.to(logits.dtype))
        else:
            known = (mask != 255).sum().clamp(min=1)
            loss = F.cross_entropy(logits, mask, ignore_index=255, reduction="sum") / known
        return self.scale * self.factor * loss + self.level.to(loss.dtype)


@hookimpl
def frame_losses():
    yield Component(name="mine", target=f"{__name__}:Mine", options=f"{__name__}:MineOptions", summary="Cross-entropy")
