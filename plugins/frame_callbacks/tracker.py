"""What all trackers share: when they are told what, and that no point is told twice."""

from __future__ import annotations

import random
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from frame import Callback
from frame_callbacks import marks
from frame_callbacks.sheet import Column, sheet
from frame_callbacks.wording import caption

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from frame import Sample
    from frame.contracts.callback import EpochInfo, RunEnd, RunInfo, StepInfo
    from frame_callbacks.sheet import Picture

PATIENCE = 30.0  # seconds: steps are told no later, for those who watch a long epoch
HEIGHT = 160  # of each picture on a sheet of samples


class Tracker(Callback):
    """Tells a service or a log of its own form of a run. If that fails, the run goes on without it.

    Each is told, over optimizer steps: ``step/loss`` and ``rate/<group>`` every ``every`` steps, after an epoch
    ``train/<loss>``, ``validation/<figure>`` and ``epoch``, with the first ``images`` validation samples if it is the
    best one, and at the end ``best/<figure>``. Losses stay on their device until a checkpoint is written, the epoch
    ends, or some seconds have passed.

    A subclass gives :meth:`open`, :meth:`write`, :meth:`picture`, :meth:`flush` and :meth:`close`.
    """

    essential = False
    takes_back: ClassVar[bool] = False
    """Whether :meth:`open` removes what was told of the steps after ``run.global_step``."""

    def __init__(self, *, every: int = 10, images: int = 4) -> None:
        self.every = every
        self.images = images
        self._folder: Path | None = None  # once it is open
        self._marks = marks.Marks()
        self._steps: list[StepInfo] = []
        self._told = 0.0
        self._columns: list[Column] = []
        self._ended = False

    @property
    def destination(self) -> str:
        """Where it is told to: another place knows nothing of the run yet."""
        raise NotImplementedError

    def open(self, run: RunInfo, known: str | None) -> str:
        """Begin, or go on with what this destination calls ``known``; returns what it calls the run."""
        raise NotImplementedError

    def write(self, figures: Mapping[str, float], global_step: int) -> None:
        """Tell figures of a step; never of an earlier one than before."""
        raise NotImplementedError

    def picture(self, picture: Picture, caption: str, global_step: int) -> None:
        """Tell of the samples, ``[H, W, 3]`` RGB."""
        raise NotImplementedError

    def flush(self) -> None:
        """See to it that what was told is not lost with this process."""

    def close(self, *, ended: bool) -> None:
        """Let go; a run that has not ``ended`` was stopped or has failed, and may go on later."""

    def on_run_start(self, run: RunInfo) -> None:
        self._marks = marks.read(run.folder, self.destination)
        if self.takes_back:
            self._marks.take_back(run.global_step)
        with _undisturbed():
            self._marks.id = self.open(run, self._marks.id)
        self._folder, self._told = run.folder, monotonic()
        self._remember()

    def on_step_end(self, step: StepInfo) -> None:
        if step.global_step % self.every == 0 and step.global_step > self._marks.steps:
            self._steps.append(step)
            if monotonic() - self._told > PATIENCE:
                self._tell_steps()

    def on_validation_start(self, images: int) -> None:
        self._columns.clear()

    def on_validation_sample(self, sample: Sample, probability: npt.NDArray[np.float32]) -> None:
        if len(self._columns) < self.images:
            self._columns.append(Column.of(sample, probability, HEIGHT))

    def on_epoch_end(self, epoch: EpochInfo) -> None:
        self._tell_steps()
        if (step := epoch.global_step) <= self._marks.epochs:
            return
        self._marks.epochs = step
        self._remember()
        figures = {f"train/{name}": value for name, value in epoch.train.items()}
        figures |= {f"validation/{name}": value for name, value in epoch.validation.items()}
        with _undisturbed():
            self.write(figures | {"epoch": epoch.epoch + 1}, step)
            if self._columns and epoch.is_best:
                told = caption(epoch)
                self.picture(sheet(self._columns, told), told, step)
            self.flush()

    def on_checkpoint(self, global_step: int) -> None:
        self._tell_steps()

    def on_run_end(self, end: RunEnd) -> None:
        self._ended = True
        step = max(self._marks.steps, self._marks.epochs)
        if end.best and step > self._marks.end:
            self._marks.end = step
            self._remember()
            with _undisturbed():
                self.write({f"best/{name}": value for name, value in end.best.items()}, step)

    def on_teardown(self) -> None:
        with suppress(RuntimeError):  # after a device's failure its losses can't be read
            self._tell_steps()
        if self._folder is not None:
            self._folder = None
            with _undisturbed():
                self.close(ended=self._ended)

    def _tell_steps(self) -> None:
        steps, self._steps = self._steps, []
        if not steps or self._folder is None:
            return
        told = [({"step/loss": float(step.loss)} | _rates(step.rates), step.global_step) for step in steps]
        self._marks.steps = steps[-1].global_step
        self._remember()
        with _undisturbed():
            for figures, step in told:
                self.write(figures, step)
            self.flush()
        self._told = monotonic()

    def _remember(self) -> None:
        """Before it is told: a process that is killed in between leaves a gap and not the same point twice."""
        if self._folder is not None:
            marks.write(self._folder, self.destination, self._marks)


def _rates(rates: Mapping[str, float]) -> dict[str, float]:
    return {f"rate/{group}": rate for group, rate in rates.items()}


def flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as one, by dotted keys."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Leave the global generators as they were: some libraries draw names from them."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  (what others may draw from)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
