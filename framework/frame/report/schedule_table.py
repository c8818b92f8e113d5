"""The schedule of a run as text for a person, as plain values for a program, and what drawings of it share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frame.engine.outlook import ALL, backbone_words
from frame.engine.schedule import warm_up_steps

if TYPE_CHECKING:
    from frame.config.tables import StageTable
    from frame.engine.outlook import Moment, Outlook, StageOutlook

WIDE = 8  # of the peaks of all lines, the largest over the smallest from which an axis is logarithmic
DEPTH = 30  # how far below the smallest peak it then reaches, for rates that go to zero
_HEADINGS = ("", "step", "epoch", "in epoch", "backbone", "head", "trained")
_WORDS = (0, 6)  # columns that are read from the left; the others hold numbers


def table(outlook: Outlook) -> str:
    """A paragraph for each stage, with a row for each moment at which something changes.

    ``step`` counts the run's optimizer steps from 1, as checkpoints do; ``in epoch`` those of the epoch.
    """
    rows = [moments(stage) for stage in outlook.stages]
    columns = zip(_HEADINGS, *(row for stage in rows for row in stage), strict=True)
    widths = [max(map(len, column)) for column in columns]
    lines = [f"run     {outlook.name}: {outlook.epochs} epochs, {outlook.steps} steps", *outlook.lines]
    for number, (stage, told) in enumerate(zip(outlook.stages, rows, strict=True), start=1):
        plan = stage.plan
        lines += ["", f"{plan.name} {number}/{len(rows)}: {size(stage)}; {course(plan.table)}"]
        lines += [_aligned(row, widths) for row in (_HEADINGS, *told)]
    return "\n".join(lines)


def moments(stage: StageOutlook) -> list[tuple[str, ...]]:
    """A row of cells for each moment at which something changes, under ``_HEADINGS``."""
    return [_row(stage, moment) for moment in stage.moments]


def size(stage: StageOutlook) -> str:
    """How long a stage is."""
    plan = stage.plan
    return f"{_plural(plan.table.epochs, 'epoch')} x {_plural(plan.steps_per_epoch, 'step')}"


def course(stage: StageTable) -> str:
    """What the rate does in a stage: the scheduler in words."""
    lowest = "" if stage.scheduler == "constant" else f" to {short(stage.min_lr)}"
    warmup = f", warm-up {stage.warmup:g} {'epoch' if stage.warmup == 1 else 'epochs'}" if stage.warmup else ""
    return f"{stage.scheduler} {short(stage.lr)}{lowest}{warmup}"


def short(rate: float) -> str:
    """Three digits at most: ``8.5e-4``."""
    mantissa, _, exponent = f"{rate:.2e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}" if rate else "0"


def bounds(outlook: Outlook) -> tuple[float, float]:
    """The lowest rate that a drawing shows and the highest that there is; 0 is the lowest of an axis that is linear."""
    lines = [line for stage in outlook.stages for group in stage.rates if (line := stage.known(group))]
    peaks = [max(line) for line in lines]
    if max(peaks) <= WIDE * min(peaks):
        return 0.0, max(peaks)
    lowest = min(rate for line in lines for rate in line if rate > 0)
    return max(0.6 * lowest, min(peaks) / DEPTH), max(peaks)


def record(outlook: Outlook) -> dict[str, Any]:
    """All of it in JSON's own types: every step's rates, ``None`` for a group that is frozen.

    Counts are those of a run's history: epochs and steps from 0, ``global_step`` from 1.
    """
    return {
        "run": outlook.name,
        "epochs": outlook.epochs,
        "steps": outlook.steps,
        "lines": outlook.lines,
        "stages": [
            {
                "name": stage.plan.name,
                "epochs": stage.plan.table.epochs,
                "steps_per_epoch": stage.plan.steps_per_epoch,
                "steps_before": stage.steps_before,
                "scheduler": stage.plan.table.scheduler,
                "warmup_steps": warm_up_steps(stage.plan.table, stage.plan.steps_per_epoch),
                "moments": [_moment(stage, moment) for moment in stage.moments],
                "rates": stage.rates,
            }
            for stage in outlook.stages
        ],
    }


def _moment(stage: StageOutlook, moment: Moment) -> dict[str, Any]:
    epoch, step = divmod(moment.step, stage.plan.steps_per_epoch)
    trained = stage.trained_stages[moment.step]
    return {
        "events": moment.events,
        "global_step": stage.steps_before + moment.step + 1,
        "epoch": epoch,
        "step": step,
        "rates": {group: rates[moment.step] for group, rates in stage.rates.items()},
        "trained": {"backbone_stages": "all" if trained == ALL else trained, "head": stage.trains_head},
    }


def _row(stage: StageOutlook, moment: Moment) -> tuple[str, ...]:
    plan = stage.plan
    epoch, step = divmod(moment.step, plan.steps_per_epoch)
    rates = (stage.rates[group][moment.step] for group in ("backbone", "head"))
    return (
        ", ".join(moment.events),
        str(stage.steps_before + moment.step + 1),
        f"{epoch + 1}/{plan.table.epochs}",
        f"{step + 1}/{plan.steps_per_epoch}",
        *("frozen" if rate is None else f"{rate:.2e}" for rate in rates),
        _trained(stage, stage.trained_stages[moment.step]),
    )


def _trained(stage: StageOutlook, count: int) -> str:
    parts = ["head"] if stage.trains_head else []
    parts += [f"backbone ({backbone_words(count)})"] if count else []
    return ", ".join(parts)


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    cells = zip(row, widths, strict=True)
    return "  ".join(f"{c:<{w}}" if at in _WORDS else f"{c:>{w}}" for at, (c, w) in enumerate(cells)).rstrip()


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
