"""A run's progress for a person: bars on a terminal, plain lines to a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal, Protocol

from tqdm.auto import tqdm

from frame import Callback
from frame_callbacks.bars import Bars
from frame_callbacks.lines import Lines
from frame_callbacks.wording import epoch_line, summary

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from frame import Sample
    from frame.contracts.callback import EpochInfo, RunEnd, RunInfo, StageInfo, StepInfo


class Display(Protocol):
    """What shows progress within an epoch."""

    def stage(self, stage: StageInfo) -> None: ...

    def step(self, step: StepInfo) -> None: ...

    def validation(self, images: int) -> None: ...

    def sample(self) -> None: ...

    def close(self) -> None: ...


class Terminal(Callback):
    """Bars go to stderr; lines, which stay, to stdout: the run's description, each epoch's figures, the result."""

    def __init__(self, *, bars: Literal["auto", "on", "off"] = "auto", interval: float = 15.0) -> None:
        self.bars = bars == "on" or (bars == "auto" and (sys.stderr.isatty() or "ipykernel" in sys.modules))
        self.interval = interval
        self._display: Display | None = None
        self._stages: tuple[StageInfo, ...] = ()
        self._classes: tuple[str, ...] = ()

    def on_run_start(self, run: RunInfo) -> None:
        self._stages, self._classes = run.stages, run.classes
        for line in run.lines:
            say(line)
        self._display = Bars(run.stages) if self.bars else Lines(run.stages, self.interval, say)

    def on_stage_start(self, stage: StageInfo) -> None:
        if self._display:
            self._display.stage(stage)

    def on_step_end(self, step: StepInfo) -> None:
        if self._display:
            self._display.step(step)

    def on_validation_start(self, images: int) -> None:
        if self._display:
            self._display.validation(images)

    def on_validation_sample(self, sample: Sample, probability: npt.NDArray[np.float32]) -> None:
        if self._display:
            self._display.sample()

    def on_epoch_end(self, epoch: EpochInfo) -> None:
        say(epoch_line(epoch, self._stages))

    def on_notice(self, text: str) -> None:
        say(f"notice  {text}")

    def on_run_end(self, end: RunEnd) -> None:
        self.on_teardown()
        for line in summary(end, self._classes):
            say(line)

    def on_teardown(self) -> None:
        if self._display:
            self._display.close()
            self._display = None


def say(line: str) -> None:
    """Print a line above any bars, at once."""
    tqdm.write(line, file=sys.stdout)
    sys.stdout.flush()
