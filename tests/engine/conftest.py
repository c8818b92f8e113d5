"""A small plugin with real torch parts, so that engine tests train in a second."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import frame
from frame import catalog

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = '''
    """A two-stage backbone, a head, squares to find: small, and without batch statistics unless norm is set."""
    import os
    import signal
    import numpy as np
    import torch
    from torch import nn
    from torch.nn import functional as F
    from frame import Callback, Component, Options, Prediction, Sample, UserError, hookimpl

    class SquaresOptions(Options):
        images: int = 10
        broken: tuple[int, ...] = ()
        classes: tuple[str, ...] = ()
        side: int = 24

    class Squares:
        """Bright squares on noise; the test split must never be opened."""

        def __init__(self, *, split, images, broken, classes, side):
            assert split != "test"
            self.images, self.broken, self.classes, self.side = images, broken, classes, side

        def __len__(self):
            return self.images

        def __getitem__(self, index):
            if index in self.broken:
                raise UserError(f"square-{index}.jpg is damaged")
            rng = np.random.default_rng([7, index])
            image = rng.integers(0, 100, (self.side, self.side, 3), dtype=np.uint8)
            mask = np.zeros((self.side, self.side), np.uint8)
            y, x = rng.integers(0, self.side // 2, 2)
            label = 1 + index % max(1, len(self.classes) - 1)
            mask[y : y + 10, x : x + 10] = label
            image[mask > 0] += np.uint8(60 * label)
            return Sample(image, mask, f"square-{index}")

    class Bone(nn.Module):
        channels, strides = (8, 8), (2, 4)

        def __init__(self, *, norm=False, drop=0.0):
            super().__init__()
            self.one = nn.Conv2d(3, 8, 3, 2, 1)
            self.norm = nn.BatchNorm2d(8) if norm else nn.Identity()
            self.two = nn.Conv2d(8, 8, 3, 2, 1)
            self.drop = nn.Dropout(drop)

        @property
        def stages(self):
            return [[self.one, self.norm], [self.two, self.drop]]

        def forward(self, image):
            one = F.gelu(self.norm(self.one(image)))
            return [one, self.drop(F.gelu(self.two(one)))]

    class BoneOptions(Options):
        norm: bool = False
        drop: float = 0.0

    class Head(nn.Module):
        def __init__(self, *, channels, strides, num_classes):
            super().__init__()
            self.out = nn.Conv2d(sum(channels), num_classes, 1)

        def forward(self, features, size):
            maps = [F.interpolate(each, size=size, mode="bilinear") for each in features]
            return Prediction(self.out(torch.cat(maps, dim=1)))

    class Plain(nn.Module):
        def forward(self, prediction, mask):
            if prediction.logits.shape[1] == 1:
                return F.binary_cross_entropy_with_logits(prediction.logits, mask)
            return F.cross_entropy(prediction.logits, mask, ignore_index=255)

    class Learned(nn.Module):
        """A loss with parameters of its own (Kendall et al., 2018), of which one is decayed and one is never used."""

        def __init__(self):
            super().__init__()
            self.uncertainty, self.scale = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.ones(1, 1))
            self.idle = nn.Parameter(torch.ones(2))

        def forward(self, prediction, mask):
            loss = F.binary_cross_entropy_with_logits(prediction.logits * self.scale, mask)
            return loss * torch.exp(-self.uncertainty).squeeze() + self.uncertainty.squeeze()

    class Explosive(nn.Module):
        def forward(self, prediction, mask):
            return prediction.logits.sum() * float("nan")

    class Accuracy:
        def __init__(self, *, num_classes):
            self.right = self.images = 0

        def update(self, probability, mask):
            guess = probability[0] > 0.5 if len(probability) == 1 else probability.argmax(0)
            self.right += float((guess == mask).mean())
            self.images += 1

        def merge(self, other):
            self.right += other.right
            self.images += other.images

        def compute(self):
            return {"accuracy": self.right / self.images, "images": float(self.images)}

    class Recorder(Callback):
        log = []

        def on_step_end(self, step):
            place = (step.stage.name, step.epoch, step.step, step.global_step)
            self.log.append(("step", *place, float(step.loss), step.rates))

        def on_epoch_end(self, epoch):
            place = (epoch.stage.name, epoch.epoch)
            self.log.append(("epoch", *place, dict(epoch.train), dict(epoch.validation), epoch.is_best))

        def on_notice(self, text):
            self.log.append(("notice", text))

        def on_teardown(self):
            self.log.append(("teardown",))

    class Failing(Callback):
        def on_epoch_end(self, epoch):
            raise ValueError("no disk")

    class Tracker(Failing):
        """Fails in each epoch and when it is closed, if it is asked to."""

        essential = False

        def on_step_end(self, step):
            Recorder.log.append(("tracked", step.global_step))

        def on_teardown(self):
            Recorder.log.append(("closing",))
            raise RuntimeError("no network")

    class KillerOptions(Options):
        step: int = 0
        epoch: int = 0

    class Killer(Callback):
        """The end that no handler sees: in a step, or between an epoch's validation and its checkpoint."""

        def __init__(self, *, step, epoch):
            self.step, self.epoch = step, epoch

        def on_step_end(self, step):
            if step.global_step == self.step:
                os.kill(os.getpid(), signal.SIGKILL)

        def on_epoch_end(self, epoch):
            if epoch.epoch + 1 == self.epoch:
                os.kill(os.getpid(), signal.SIGKILL)

    def component(name, target, options=None):
        return Component(name=name, target=f"frame_small:{target}", options=options and f"frame_small:{options}")

    @hookimpl
    def frame_datasets():
        yield component("squares", "Squares", "SquaresOptions")

    @hookimpl
    def frame_backbones():
        yield component("bone", "Bone", "BoneOptions")

    @hookimpl
    def frame_heads():
        yield component("head", "Head")

    @hookimpl
    def frame_losses():
        yield component("plain", "Plain")
        yield component("learned", "Learned")
        yield component("explosive", "Explosive")

    @hookimpl
    def frame_metrics():
        yield component("accuracy", "Accuracy")

    @hookimpl
    def frame_callbacks():
        yield component("recorder", "Recorder")
        yield component("failing", "Failing")
        yield component("tracker", "Tracker")
        yield component("killer", "Killer", "KillerOptions")
'''


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """A small config of two stages, as tables."""
    return {
        "run": {"name": "small", "folder": str(tmp_path / "runs"), "seed": 3},
        "data": {"name": "squares", "size": 16, "workers": 0, "validation": 0.2},
        "backbone": "bone",
        "head": "head",
        "losses": {"plain": "plain"},
        "strategy": {"name": "single", "device": "cpu"},
        "metrics": {"accuracy": "accuracy"},
        "callbacks": {"recorder": "recorder"},
        "stages": {
            "decoder": {"epochs": 2, "batch_size": 3, "lr": 0.02, "frozen": ["backbone"]},
            "finetune": {"epochs": 3, "batch_size": 4, "lr": 0.01, "unfreeze": "progressive", "backbone_lr_scale": 0.1},
        },
    }


@pytest.fixture
def train(install, config) -> Callable[..., frame.Result]:
    """Run the small config with overrides; ``train.log`` is what its recorder saw."""
    install("frame-small", "small", SMALL)

    def run(*overrides: str, resume: bool = False, **tables: Any) -> frame.Result:
        run.log.clear()  # type: ignore[attr-defined]
        result = frame.run(config | tables, overrides, catalog(), resume=resume)
        assert result is not None
        return result

    import frame_small

    run.log = frame_small.Recorder.log  # type: ignore[attr-defined]
    run.runs = Path(config["run"]["folder"])  # type: ignore[attr-defined]
    return run
