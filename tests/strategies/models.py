"""Small models for replicas."""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import nn

from frame import Prediction
from frame.engine.model import Segmenter


class Bone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, 2, 1)
        self.norm = nn.GroupNorm(2, 6)

    def forward(self, image):
        return [self.norm(self.conv(image))]


class Head(nn.Module):
    """Logits, side outputs and a router, as the built-in heads give them."""

    def __init__(self) -> None:
        super().__init__()
        self.out, self.gate = nn.Conv2d(6, 1, 1), nn.Linear(6, 3)

    def forward(self, features, size):
        (x,) = features
        low = self.out(x)
        router = self.gate(x.mean((2, 3))).softmax(1)
        return Prediction(nn.functional.interpolate(low, size=size), (low,), {"router.0": router})


class Probe(nn.Module):
    """A linear layer whose replicas note what ``look(self, x)`` finds and return ``result(self, x)``."""

    def __init__(self, result=None, look=None, width: int = 4) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.result = result or (lambda self, x: self.linear(x))
        self.look = look or (lambda self, x: len(x))
        self.seen: dict[int, Any] = {}  # replicas share it

    def forward(self, x, *args, **kwargs):
        thread = threading.current_thread()
        place = 0 if thread is threading.main_thread() else int(thread.name.rpartition("-")[2])
        while place in self.seen:  # replicas of one device take turns in its thread
            place += 1
        self.seen[place] = self.look(self, x, *args, **kwargs)
        return self.result(self, x)

    def found(self) -> list[Any]:
        """What each replica saw, in order."""
        return [self.seen[place] for place in sorted(self.seen)]


def segmenter(autocast: torch.dtype | None = None) -> Segmenter:
    torch.manual_seed(0)
    return Segmenter(Bone(), Head(), autocast)


def loss_of(prediction: Prediction) -> torch.Tensor:
    return (
        prediction.logits.sigmoid().pow(2).mean()
        + prediction.side[0].abs().mean()
        + prediction.extras["router.0"].pow(2).mean()
    )


def images(count: int, device: str) -> torch.Tensor:
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(count)).to(device)
