"""Tiny parts, so that what is checked can be trained with in a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from frame.config.options import Options, Part
from frame.contracts.callback import Callback
from frame.contracts.dataset import Sample
from frame.contracts.model import Prediction
from frame.plugin.catalog import Catalog, Entry
from frame.plugin.component import Component, Kind
from frame.plugin.provenance import Plugin, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from frame.contracts.callback import EpochInfo, StepInfo

NAME = "testing"


class SquaresOptions(Options):
    """Options of :class:`Squares`."""

    images: int = 10
    """How many there are in each split."""
    side: int = 24
    """Of the images, in pixels."""


class Squares:
    """Bright squares on noise, of which the first split has others than the last."""

    def __init__(self, *, split: str, images: int, side: int) -> None:
        self.split, self.images, self.side = split, images, side

    def __len__(self) -> int:
        return self.images

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self.images:
            raise IndexError(index)
        rng = np.random.default_rng([("train", "validation", "test").index(self.split), index])
        image = rng.integers(0, 100, (self.side, self.side, 3), dtype=np.uint8)
        mask = np.zeros((self.side, self.side), np.uint8)
        y, x = rng.integers(0, self.side // 2, 2)
        mask[y : y + self.side // 3, x : x + self.side // 3] = 1
        image[mask > 0] += np.uint8(120)
        return Sample(image, mask, f"{self.split}-{index}")


class BoneOptions(Options):
    """Options of :class:`Bone`."""

    drop: float = 0.0
    """Share of the coarser map's values that are dropped in training."""


class Bone(nn.Module):
    """Two strided convolutions."""

    channels, strides = (8, 8), (2, 4)

    def __init__(self, *, drop: float = 0.0) -> None:
        super().__init__()
        self.drop = drop
        self.one, self.two = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 2, 1)

    @property
    def stages(self) -> list[list[nn.Module]]:
        return [[self.one], [self.two]]

    def forward(self, image: Tensor) -> list[Tensor]:
        one = F.gelu(self.one(image))
        return [one, F.dropout(F.gelu(self.two(one)), self.drop, self.training)]


class Head(nn.Module):
    """One convolution over all maps."""

    def __init__(self, *, channels: Sequence[int], strides: Sequence[int], num_classes: int) -> None:
        super().__init__()
        self.out = nn.Conv2d(sum(channels), num_classes, 1)
        self.gate = nn.Linear(channels[-1], 2)

    def forward(self, features: list[Tensor], size: tuple[int, int]) -> Prediction:
        maps = [F.interpolate(each, size=size, mode="bilinear") for each in features]
        router = self.gate(features[-1].mean((2, 3))).softmax(1)
        load = F.one_hot(router.argmax(1), 2).float()
        logits = self.out(torch.cat(maps, dim=1))
        return Prediction(logits * (1 + router[:, :1, None, None]), (), {"router.0": router, "load.0": load})


class Plain(nn.Module):
    """Cross-entropy."""

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(prediction.logits, mask)


class Agreement:
    """The share of pixels that are right, and how many images were counted."""

    def __init__(self, *, num_classes: int) -> None:
        self.right: list[float] = []

    def update(self, probability: npt.NDArray[np.float32], mask: npt.NDArray[np.uint8]) -> None:
        self.right.append(float(((probability[0] > 0.5) == mask).mean()))

    def merge(self, other: Self) -> None:
        self.right += other.right

    def compute(self) -> dict[str, float]:
        return {"agreement": sum(sorted(self.right)) / len(self.right), "images": float(len(self.right))}


class Recorder(Callback):
    """Remembers a run's losses and figures; there is one at a time in a process."""

    def __init__(self) -> None:
        LOG.clear()

    def on_step_end(self, step: StepInfo) -> None:
        LOG.append((step.global_step, float(step.loss)))

    def on_epoch_end(self, epoch: EpochInfo) -> None:
        LOG.append((dict(epoch.train), dict(epoch.validation)))


class FailingError(Exception):
    """What :class:`Failing` raises."""


class Failing(Callback):
    """Ends a run in its second step."""

    def on_step_end(self, step: StepInfo) -> None:
        if step.global_step == 2:
            raise FailingError("on purpose")


LOG: list[Any] = []
"""What the last :class:`Recorder` saw."""


def _component(name: str, target: str, options: str | None = None) -> Component:
    home = "frame.testing.tiny"
    return Component(name=name, target=f"{home}:{target}", options=options and f"{home}:{options}")


PLUGIN = Plugin(
    NAME,
    Source("frame-seg", "testing"),
    components=(
        (Kind.DATASET, _component("squares", "Squares", "SquaresOptions")),
        (Kind.BACKBONE, _component("bone", "Bone", "BoneOptions")),
        (Kind.HEAD, _component("head", "Head")),
        (Kind.LOSS, _component("plain", "Plain")),
        (Kind.METRIC, _component("agreement", "Agreement")),
        (Kind.CALLBACK, _component("recorder", "Recorder")),
        (Kind.CALLBACK, _component("failing", "Failing")),
        (Kind.STRATEGY, Component(name="one_device", target="frame.contracts.strategy:Strategy")),
    ),
)


def with_tiny(plugins: Catalog) -> Catalog:
    """The same components, and the tiny ones under ``testing/``."""
    return Catalog((*plugins.plugins, PLUGIN))


def tiny_part(kind: str, name: str, **options: Any) -> Part:
    """A tiny component with its options."""
    component = next(each for of, each in PLUGIN.components if of == kind and each.name == name)
    entry = Entry(Kind(kind), component, PLUGIN)
    model = entry.load_options() or Options
    return Part(Kind(kind), name, entry, model(**options))
