"""The plugin of two benchmarks: a model so small that what surrounds it is all that takes time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from frame import Callback, Component, Options, Prediction, Sample, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frame.contracts.callback import EpochInfo, StepInfo

SIDE = 16  # the least that a config may ask for
VALIDATION = 2


class SquaresOptions(Options):
    """Options of :class:`Squares`."""

    images: int
    """Of the training split."""


class Squares:
    """Bright squares on noise, made once and kept: a sample costs a look into a list."""

    has_validation = True

    def __init__(self, *, split: str, images: int) -> None:
        rng = np.random.default_rng(7)
        self.samples = [self._sample(rng, index) for index in range(images if split == "train" else VALIDATION)]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]

    def _sample(self, rng: np.random.Generator, index: int) -> Sample:
        image = rng.integers(0, 100, (SIDE, SIDE, 3), dtype=np.uint8)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        y, x = rng.integers(0, SIDE // 2, 2)
        mask[y : y + 6, x : x + 6] = 1
        image[mask > 0] += np.uint8(100)
        return Sample(image, mask, str(index))


class BoneOptions(Options):
    """Options of :class:`Bone`."""

    drop: float = 0.0
    """Share of values that dropout clears."""


class Bone(nn.Module):
    """Squares of 4 x 4 pixels, each through one linear layer."""

    channels, strides = (8,), (4,)

    def __init__(self, *, drop: float) -> None:
        super().__init__()
        self.out = nn.Linear(48, 8)
        self.drop = drop

    def forward(self, image: Tensor) -> list[Tensor]:
        features = self.out(F.pixel_unshuffle(image, 4).movedim(1, -1)).relu()
        if self.drop:
            features = F.dropout(features, self.drop, self.training)
        return [features.movedim(-1, 1)]


class Head(nn.Module):
    """A linear layer at every place, enlarged."""

    def __init__(self, *, channels: tuple[int, ...], strides: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        self.out = nn.Linear(channels[0], num_classes)

    def forward(self, features: list[Tensor], size: tuple[int, int]) -> Prediction:
        logits = self.out(features[0].movedim(1, -1)).movedim(-1, 1)
        return Prediction(F.interpolate(logits, size=size, mode="nearest"))


class CrossEntropy(nn.Module):
    """Binary cross-entropy."""

    def forward(self, prediction: Prediction, mask: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(prediction.logits, mask)


class Accuracy:
    """Share of pixels that are right."""

    def __init__(self, *, num_classes: int) -> None:
        self.right, self.images = 0.0, 0

    def update(self, probability: np.ndarray, mask: np.ndarray) -> None:
        self.right += float(((probability[0] > 0.5) == mask).mean())
        self.images += 1

    def merge(self, other: Accuracy) -> None:
        self.right += other.right
        self.images += other.images

    def compute(self) -> dict[str, float]:
        return {"accuracy": self.right / self.images}


class Moment(NamedTuple):
    """A time on two clocks, in seconds: this process's time on the CPU, and the wall's."""

    cpu: float
    wall: float

    @classmethod
    def now(cls) -> Moment:
        return cls(time.process_time(), time.perf_counter())


class Stopwatch(Callback):
    """Notes when the last epoch's first and last steps ended, and when it did itself; ``made`` holds all of them."""

    made: ClassVar[list[Stopwatch]] = []
    first_step: Moment
    last_step: Moment
    epoch: Moment

    def __init__(self) -> None:
        self.made.append(self)

    def on_step_end(self, step: StepInfo) -> None:
        if step.step == 0:
            self.first_step = Moment.now()
        elif step.step == step.stage.steps_per_epoch - 1:
            self.last_step = Moment.now()

    def on_epoch_end(self, epoch: EpochInfo) -> None:
        self.epoch = Moment.now()


def _component(name: str, target: str, options: str | None = None) -> Component:
    return Component(name=name, target=f"tiny:{target}", options=options and f"tiny:{options}")


@hookimpl
def frame_datasets() -> Iterator[Component]:
    yield _component("squares", "Squares", "SquaresOptions")


@hookimpl
def frame_backbones() -> Iterator[Component]:
    yield _component("bone", "Bone", "BoneOptions")


@hookimpl
def frame_heads() -> Iterator[Component]:
    yield _component("head", "Head")


@hookimpl
def frame_losses() -> Iterator[Component]:
    yield _component("plain_cross_entropy", "CrossEntropy")


@hookimpl
def frame_metrics() -> Iterator[Component]:
    yield _component("accuracy", "Accuracy")


@hookimpl
def frame_callbacks() -> Iterator[Component]:
    yield _component("stopwatch", "Stopwatch")
