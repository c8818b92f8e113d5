"""A run's events as the engine sends them, and the callbacks as a config binds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import frame
from frame import Sample
from frame.config.bind import bind_component
from frame.contracts.callback import EpochInfo, RunEnd, RunInfo, StageInfo, StepInfo
from frame.plugin.component import Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STAGES = (StageInfo("decoder", 2, 12, 4), StageInfo("finetune", 1, 12, 4))


class Events:
    """Sends a callback the events of a run of two stages in which the loss is 1 / step."""

    def __init__(self, folder: Path) -> None:
        self.run = RunInfo("test", folder, 7, "iou", ("data    two images", "model   small"), STAGES)
        self.end = RunEnd({"iou": 0.5}, 3725.0, {"all foreground": {"iou": 0.1}})
        self.global_step = 0

    def sample(self, index: int, size: tuple[int, int] = (30, 50), classes: int = 1) -> tuple[Sample, Any]:
        rng = np.random.default_rng(index)
        image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        mask = rng.integers(0, max(2, classes), size, dtype=np.uint8)
        return Sample(image, mask, f"COD10K-CAM-{index}"), rng.random((classes, *size), np.float32)

    def steps(self, callback: Any, stage: StageInfo, epoch: int, first: int = 0, loss: Any = None) -> None:
        for step in range(first, stage.steps_per_epoch):
            self.global_step += 1
            value = torch.tensor(1 / self.global_step) if loss is None else loss
            rates = {"head": 1e-3, "backbone": 1e-4}
            callback.on_step_end(StepInfo(stage, epoch, step, self.global_step, value, rates))

    def validate(self, callback: Any, samples: int = 3, **sample: Any) -> None:
        callback.on_validation_start(samples)
        for index in range(samples):
            callback.on_validation_sample(*self.sample(index, **sample))

    def epoch(self, callback: Any, stage: StageInfo = STAGES[0], epoch: int = 0, **changes: Any) -> None:
        info: dict[str, Any] = {
            "train": {"loss": 0.25},
            "validation": {"iou": 0.5},
            "rates": {"head": 1e-3},
            "is_best": True,
        }
        callback.on_epoch_end(EpochInfo(stage, epoch, self.global_step, **{**info, "seconds": 2.0, **changes}))

    def whole(self, callback: Any) -> None:
        callback.on_run_start(self.run)
        for stage in STAGES:
            callback.on_stage_start(stage)
            for epoch in range(stage.epochs):
                self.steps(callback, stage, epoch)
                self.validate(callback)
                self.epoch(callback, stage, epoch, is_best=epoch == 0)
        callback.on_run_end(self.end)
        callback.on_teardown()


@pytest.fixture
def events(tmp_path: Path) -> Events:
    return Events(tmp_path)


@pytest.fixture
def callback() -> Callable[..., Any]:
    """``callback("history", "every=5")``: a built-in callback, bound by name with options."""
    catalog = frame.catalog()

    def build(name: str, *overrides: str) -> Any:
        return bind_component(catalog, Kind.CALLBACK, name, overrides)()

    return build
