"""Progress bars: one for the run, one for the epoch's steps or the validation's images."""

from __future__ import annotations

import sys
from math import isfinite, nan
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from frame_callbacks.wording import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frame.contracts.callback import StageInfo, StepInfo

REFRESH = 0.2  # seconds: reading a loss makes the device's queue run dry, so it is done seldom
SMOOTHING = 0.8  # of the loss shown, from one refresh to the next


class _Bar(tqdm):  # type: ignore[misc]
    monitor_interval = 0  # no thread of tqdm's own: loader workers are forked from this process


class Bars:
    """Two bars that are drawn again at most five times a second."""

    def __init__(self, stages: Sequence[StageInfo]) -> None:
        self.stages = stages
        self.run = self._bar("run", sum(stage.epochs * stage.steps_per_epoch for stage in stages), position=0)
        self.run.smoothing = 0  # its time left counts the validations in between
        self.inner = self._bar("", 0, position=1)
        self.loss = nan
        self.drawn = 0.0
        self.seen = 0

    def stage(self, stage: StageInfo) -> None:
        self._begin_epoch(stage, 0)

    def step(self, step: StepInfo) -> None:
        first = self.run.n == 0
        if first:  # what a resumed run did before counts as done, but not for the speed
            self.run.initial = self.run.n = step.global_step - 1
        if first or step.step == 0:
            self._begin_epoch(step.stage, step.epoch, step.step)
        now = perf_counter()
        last = step.step + 1 == step.stage.steps_per_epoch
        if now - self.drawn < REFRESH and not first and not last:
            return
        self.drawn = now
        loss = float(step.loss)
        self.loss = SMOOTHING * self.loss + (1 - SMOOTHING) * loss if isfinite(self.loss) else loss
        rate = max(step.rates.values(), default=0.0)
        self.inner.set_postfix_str(f"loss {self.loss:.4f}, lr {rate:.1e}", refresh=False)
        self.inner.update(step.step + 1 - self.inner.n)
        self.run.update(step.global_step - self.run.n)

    def validation(self, images: int) -> None:
        self._reset("validation", images, "image")
        self.seen = 0

    def sample(self) -> None:
        self.seen += 1
        now = perf_counter()
        if now - self.drawn >= REFRESH:
            self.drawn = now
            self.inner.update(self.seen - self.inner.n)

    def close(self) -> None:
        self.inner.close()
        self.run.close()

    def _begin_epoch(self, stage: StageInfo, epoch: int, done: int = 0) -> None:
        self.run.set_description_str(place(stage, epoch, self.stages), refresh=False)
        self._reset("steps", stage.steps_per_epoch, "step")
        self.inner.initial = self.inner.n = done

    def _reset(self, what: str, total: int, unit: str) -> None:
        self.inner.unit = unit
        self.inner.set_postfix_str("", refresh=False)
        self.inner.set_description_str(what, refresh=False)
        self.inner.reset(total)

    @staticmethod
    def _bar(what: str, total: int, position: int) -> Any:
        return _Bar(
            desc=what,
            total=total,
            position=position,
            unit="step",
            leave=False,
            dynamic_ncols=True,
            mininterval=0,
            miniters=1,
            file=sys.stderr,
        )
