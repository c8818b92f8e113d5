"""Progress where there are no bars: a line now and then."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from frame_callbacks.wording import clock, place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from frame.contracts.callback import StageInfo, StepInfo


class Lines:
    """Says where the run is every ``interval`` seconds within an epoch."""

    def __init__(self, stages: Sequence[StageInfo], interval: float, say: Callable[[str], None]) -> None:
        self.stages = stages
        self.interval = interval
        self.say = say
        self.total = sum(stage.epochs * stage.steps_per_epoch for stage in stages)
        self.said = self.began = perf_counter()
        self.before: int | None = None  # steps taken before this process began: a resumed run has some

    def stage(self, stage: StageInfo) -> None:
        pass

    def step(self, step: StepInfo) -> None:
        if self.before is None:
            self.before = step.global_step - 1
        now = perf_counter()
        if now - self.said < self.interval:
            return
        self.said = now
        left = (now - self.began) / (step.global_step - self.before) * (self.total - step.global_step)
        self.say(
            f"{place(step.stage, step.epoch, self.stages)}  step {step.step + 1}/{step.stage.steps_per_epoch}  "
            f"loss {float(step.loss):.4f}  eta {clock(left)}"
        )

    def validation(self, images: int) -> None:
        pass

    def sample(self) -> None:
        pass

    def close(self) -> None:
        pass
