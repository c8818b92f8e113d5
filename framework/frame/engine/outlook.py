"""What the rates and the freezing of a run will be: foretold from its plans, with no model and no training."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from frame.engine.plan import split_data, stage_plans
from frame.engine.schedule import warm_up_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from frame.config.run import Run
    from frame.engine.stages import StagePlan

ALL = sys.maxsize  # a number of backbone stages that no backbone has: how many there are is known to the model alone
Event = Literal["start", "end of warm-up", "unfreezing", "peak", "low", "end"]


@dataclass(frozen=True, slots=True)
class Moment:
    """A step at which something changes."""

    step: int
    """In the stage, from 0."""
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class StageOutlook:
    """One stage of the run."""

    plan: StagePlan
    steps_before: int
    """Optimizer steps of the run before this stage."""
    rates: Mapping[str, Sequence[float | None]]
    """The rate of each group, ``"backbone"`` and ``"head"``, at each step; ``None`` while it is frozen."""
    trained_stages: Sequence[int]
    """How many of the backbone's stages are trained at each step, counted from the last one; ``ALL`` for all."""
    moments: tuple[Moment, ...]

    @property
    def trains_head(self) -> bool:
        return "head" not in self.plan.table.frozen

    @property
    def rates_agree(self) -> bool:
        """Whether the backbone's line lies on the head's: one is drawn dashed then, so that both are seen."""
        return self.trains_head and self.plan.table.backbone_lr_scale == 1

    def place(self, step: int) -> float:
        """Epochs of the run that are over when a step of the stage begins."""
        return self.plan.first_epoch + step / self.plan.steps_per_epoch

    def known(self, group: str) -> list[float]:
        """The rates of a group once it is trained."""
        return [rate for rate in self.rates[group] if rate is not None]

    def phases(self) -> Iterator[tuple[int, int, int]]:
        """Runs of steps with the same part of the backbone trained: (first step, step after the last, stages)."""
        first = 0
        for step in range(1, self.plan.steps + 1):
            if step == self.plan.steps or self.trained_stages[step] != self.trained_stages[first]:
                yield first, step, self.trained_stages[first]
                first = step


@dataclass(frozen=True, slots=True)
class Outlook:
    """A whole run."""

    name: str
    lines: tuple[str, ...]
    """What a person should know of the data, and of what may end a stage early."""
    stages: tuple[StageOutlook, ...]

    @property
    def epochs(self) -> int:
        return sum(stage.plan.table.epochs for stage in self.stages)

    @property
    def steps(self) -> int:
        return sum(stage.plan.steps for stage in self.stages)


def outlook(run: Run) -> Outlook:
    """Rates and freezing at every step of a run, from the data set's length and the same functions as training's.

    Raises
    ------
    UserError
        If the data set isn't there, or has too few images.
    """
    train, _, lines = split_data(run)
    if (patience := run.train.patience) is not None:
        lines.append(f"early   a stage ends after {patience} epochs without a better {run.monitor} (train.patience)")
    return foretold(run.name, lines, stage_plans(run, len(train)))


def foretold(name: str, lines: Sequence[str], plans: Sequence[StagePlan]) -> Outlook:
    """The same from the stages' plans alone, of a run whose data need not be there any more."""
    before = accumulate((plan.steps for plan in plans[:-1]), initial=0)
    return Outlook(name, tuple(lines), tuple(map(_stage, plans, before)))


def backbone_words(trained_stages: int) -> str:
    """What is trained of the backbone, in words."""
    if trained_stages == 0:
        return "frozen"
    if trained_stages == ALL:
        return "all"
    return "last stage" if trained_stages == 1 else f"last {trained_stages} stages"


def _stage(plan: StagePlan, steps_before: int) -> StageOutlook:
    rates = [plan.rates(step) for step in range(plan.steps)]
    trained = [plan.trained_stages(step, ALL) for step in range(plan.steps)]
    head_rests = "head" in plan.table.frozen
    shown = {
        "backbone": [rate["backbone"] if count else None for rate, count in zip(rates, trained, strict=True)],
        "head": [None if head_rests else rate["head"] for rate in rates],
    }
    moments = _moments(plan, [rate["head"] for rate in rates], trained)
    return StageOutlook(plan, steps_before, shown, trained, moments)


def _moments(plan: StagePlan, rates: Sequence[float], trained: Sequence[int]) -> tuple[Moment, ...]:
    events: dict[int, list[Event]] = {0: ["start"]}
    warm = warm_up_steps(plan.table, plan.steps_per_epoch)
    if 0 < warm <= plan.steps:
        events.setdefault(warm - 1, []).append("end of warm-up")
    for step in range(1, plan.steps):
        if trained[step] != trained[step - 1]:
            events.setdefault(step, []).append("unfreezing")
    for step, turn in _turns(rates):
        events.setdefault(step, []).append(turn)
    events.setdefault(plan.steps - 1, []).append("end")
    return tuple(Moment(step, tuple(events[step])) for step in sorted(events))


def _turns(rates: Sequence[float]) -> Iterator[tuple[int, Event]]:
    """Where the rate begins to fall, and where it rises again, whatever the scheduler."""
    rising, last = True, 0
    for step, rate in enumerate(rates):
        if math.isclose(rate, rates[last], rel_tol=1e-12):  # level, up to rounding
            continue
        if (rate > rates[last]) != rising:
            yield last, "peak" if rising else "low"
            rising = not rising
        last = step
