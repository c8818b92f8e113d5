"""Callbacks: observers of a run's named events. They never change its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from frame.contracts.dataset import Sample


@dataclass(frozen=True, slots=True)
class StageInfo:
    """One stage of the run."""

    name: str
    epochs: int
    steps_per_epoch: int
    batch_size: int


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What is known before the first step."""

    name: str
    folder: Path
    seed: int
    monitor: str
    """The validation figure that chooses the best checkpoint, such as ``"iou"``."""
    lines: tuple[str, ...]
    """What a person should know at the start: model, data, devices."""
    stages: tuple[StageInfo, ...]
    global_step: int = 0
    """Optimizer steps done before this start: more than 0 for a run that goes on from a checkpoint."""
    epochs: int = 0
    """Epochs finished before this start."""
    extra_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the columns of the head's extras stand for, by the extra's name."""
    classes: tuple[str, ...] = ()
    """Names of the classes, the background first; none for binary work."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """The config's tables in plain types, every default written out."""


class StepInfo(NamedTuple):  # made in every step: a frozen dataclass takes eight times as long
    """One optimizer step. Tensors are detached and stay on their device: reading one waits for it."""

    stage: StageInfo
    epoch: int
    """In the stage, from 0."""
    step: int
    """In the epoch, from 0."""
    global_step: int
    """Optimizer steps taken in the run, this one included."""
    loss: Tensor
    """Scalar: the weighted sum of all losses, a mean over the step's samples."""
    rates: Mapping[str, float]
    """Learning rate of each group that was used in this step."""


@dataclass(frozen=True, slots=True)
class EpochInfo:
    """One epoch with the validation after it."""

    stage: StageInfo
    epoch: int
    """In the stage, from 0."""
    global_step: int
    train: Mapping[str, float]
    """Means over the epoch's samples: ``loss`` and each loss by its label, unweighted."""
    validation: Mapping[str, float]
    """Each metric's figures, ``label`` for its main one and ``label/name`` for the others."""
    rates: Mapping[str, float]
    is_best: bool
    seconds: float
    waited: float = 0.0
    """Share of its training, from 0 to 1, in which the loop waited for the next batch. On a GPU an upper bound: it may
    still be busy with the steps before."""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How the run ended."""

    best: Mapping[str, float]
    """The validation figures of the best checkpoint."""
    seconds: float
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """The same figures for guesses that look at no image."""
    waited: float = 0.0
    """As an epoch's, over all epochs since this start."""


class Callback:
    """Base of callbacks: override what is of interest. Called on the first process only.

    An exception in a callback ends the run with the callback's name, unless it is not ``essential``.
    """

    essential: ClassVar[bool] = True
    """Whether the run is to end if it fails. Otherwise that is told once, and the run goes on without it."""

    def on_run_start(self, run: RunInfo) -> None:
        """Before the first stage; ``run.folder`` exists."""

    def on_stage_start(self, stage: StageInfo) -> None:
        """Before a stage's first step."""

    def on_step_end(self, step: StepInfo) -> None:
        """After each optimizer step. This is the training loop: be quick, and don't read ``step.loss`` each time."""

    def on_validation_start(self, images: int) -> None:
        """Before the validation after an epoch; ``images``: how many this process will see, of several its share."""

    def on_validation_sample(self, sample: Sample, probability: npt.NDArray[np.float32]) -> None:
        """For each validation image of this process: ``probability`` is ``[K, H, W]`` at the mask's own size."""

    def on_validation_extras(self, sample: Sample, extras: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """After each :meth:`on_validation_sample`, what else the head told of that image.

        ``extras`` are those of :class:`frame.Prediction` without the batch's dimension. They are fetched from the
        device only if a callback overrides this or a metric asks for them.
        """

    def on_epoch_end(self, epoch: EpochInfo) -> None:
        """After an epoch's validation, before its checkpoint."""

    def on_checkpoint(self, global_step: int) -> None:
        """Before a checkpoint is written: what belongs to the steps so far should be on the disk after it."""

    def on_notice(self, text: str) -> None:
        """Something a person should know while the run goes on, such as a step that was skipped: one line."""

    def on_run_end(self, end: RunEnd) -> None:
        """After the last checkpoint is written."""

    def on_teardown(self) -> None:
        """Always the last call, after an exception too: close bars and files."""

    def artifacts(self) -> Mapping[str, Path]:
        """What it has written that a person may want to open, by what it is (``"sample pictures"``)."""
        return {}
