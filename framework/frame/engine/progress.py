"""Where a run is, and who is told.

All of it is in a checkpoint, so a resumed run knows what the first one knew.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


@dataclass(slots=True)
class Progress:
    """Position and best figures; plain types only."""

    stage: int = 0
    """Index of the stage in this run."""
    epoch: int = 0
    """Epochs finished in the stage."""
    step: int = 0
    """Optimizer steps done in the epoch."""
    global_step: int = 0
    """Optimizer steps done in the run."""
    epochs: int = 0
    """Epochs finished in the run, their validation included."""
    sums: list[float] = field(default_factory=list)
    """Each loss summed over the epoch's samples so far, and the number of these samples."""
    skipped: int = 0
    """Steps that were skipped because something was not finite."""
    splits: int = 1
    """Parts into which each batch of the stage is split, because the whole did not fit into memory."""
    unreadable: list[str] = field(default_factory=list)
    """What was wrong with the samples that could not be had, once each."""
    best: str | None = None
    """Name of the best checkpoint."""
    figures: dict[str, float] = field(default_factory=dict)
    """Its validation figures."""
    waited: int = 0
    """Epochs of the stage since the figures last improved."""

    def plain(self) -> dict[str, Any]:
        """For a checkpoint; the inverse is ``Progress(**plain)``."""
        return asdict(self)

    def is_better(self, figures: dict[str, float], monitor: str, mode: str) -> bool:
        """Whether ``figures`` are better than the best so far; nan is better than nothing and worse than any number."""
        if self.best is None:
            return True
        new, old = figures[monitor], self.figures.get(monitor, math.nan)  # a resumed run may watch another figure
        if math.isnan(new) or math.isnan(old):
            return math.isnan(old) and not math.isnan(new)
        return new > old if mode == "max" else new < old

    def begin_epoch(self, epoch: int) -> None:
        """Set the position to an epoch's start."""
        self.epoch, self.step, self.sums = epoch, 0, []

    def begin_stage(self, stage: int) -> None:
        """Set the position to a stage's start."""
        self.stage, self.waited, self.splits = stage, 0, 1
        self.begin_epoch(0)


def listeners(*roots: nn.Module) -> tuple[Callable[[float], None], ...]:
    """``set_progress`` of each module that has one, wherever in the model or the losses it is."""
    modules = chain.from_iterable(root.modules() for root in roots)
    found: list[Any] = [each for each in modules if hasattr(each, "set_progress")]
    return tuple(each.set_progress for each in found)
