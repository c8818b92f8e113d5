"""How a run's progress and figures are worded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from frame.contracts.callback import EpochInfo, RunEnd, StageInfo

MOST_FIGURES = 8  # in a line; with more, such as one for each class, only the main ones are shown


def place(stage: StageInfo, epoch: int, stages: Sequence[StageInfo]) -> str:
    """Where the run is: ``decoder 1/2  epoch 3/30``."""
    names = [each.name for each in stages]
    name = f"{stage.name:<{max(map(len, names))}} {names.index(stage.name) + 1}/{len(names)}"
    return f"{name}  epoch {epoch + 1:>{len(str(stage.epochs))}}/{stage.epochs}"


def epoch_line(epoch: EpochInfo, stages: Sequence[StageInfo]) -> str:
    """One epoch: its place, training loss, validation figures, a star if it is the best so far, and its time."""
    figures = "  ".join(f"{name} {value:.4f}" for name, value in shown(epoch.validation).items())
    star = "*" if epoch.is_best else " "
    where = place(epoch.stage, epoch.epoch, stages)
    return f"{where}  loss {epoch.train['loss']:.4f}  {figures} {star} {epoch.seconds:.1f} s"


def shown(figures: Mapping[str, float]) -> Mapping[str, float]:
    """All figures, or the main ones if there are too many for a line."""
    return figures if len(figures) <= MOST_FIGURES else {k: v for k, v in figures.items() if "/" not in k}


def summary(end: RunEnd) -> list[str]:
    """The best checkpoint's figures as a table, with those of guesses that look at no image beneath."""
    columns = list(shown(end.best))
    rows = {"best": end.best, **end.baselines} if columns else {}
    first = max(map(len, rows), default=0)
    widths = [max(len(column), 6) for column in columns]
    lines = [_row("", columns, first, widths)] if columns else []
    for name, figures in rows.items():
        cells = [f"{figures[column]:.4f}" if column in figures else "-" for column in columns]
        lines.append(_row(name, cells, first, widths))
    return ["", *lines, f"finished in {clock(end.seconds)}"]


def _row(name: str, cells: Sequence[str], first: int, widths: Sequence[int]) -> str:
    return f"{name:<{first}}  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


def clock(seconds: float) -> str:
    """Seconds as hours, minutes and seconds: ``1:02:03``."""
    minutes, second = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
