"""How a run's progress and figures are worded."""

from __future__ import annotations

from math import nan
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
    """One epoch: its place, training loss, validation figures, a star for the best so far, its time and waiting."""
    figures = "  ".join(f"{name} {value:.4f}" for name, value in shown(epoch.validation).items())
    star = "*" if epoch.is_best else " "
    where = place(epoch.stage, epoch.epoch, stages)
    waited = f", data {epoch.waited:.0%}" if epoch.waited else ""
    return f"{where}  loss {epoch.train['loss']:.4f}  {figures} {star} {epoch.seconds:.1f} s{waited}"


def caption(epoch: EpochInfo) -> str:
    """An epoch and its validation figures, over samples of it."""
    figures = ", ".join(f"{name} {value:.4f}" for name, value in shown(epoch.validation).items())
    return f"{epoch.stage.name}, epoch {epoch.epoch + 1}: {figures}"


def shown(figures: Mapping[str, float]) -> Mapping[str, float]:
    """All figures, or the main ones if there are too many for a line."""
    return figures if len(figures) <= MOST_FIGURES else {k: v for k, v in figures.items() if "/" not in k}


def summary(end: RunEnd, classes: Sequence[str] = ()) -> list[str]:
    """The best checkpoint's figures as a table, with those of guesses that look at no image beneath.

    Of many classes another table has what each scores.
    """
    each = _of_classes(end.best, classes)
    columns = list(shown({name: value for name, value in end.best.items() if name not in each}))
    rows = {"best": end.best, **end.baselines} if columns else {}
    first = max(map(len, rows), default=0)
    widths = [max(len(column), 6) for column in columns]
    lines = [_row("", columns, first, widths)] if columns else []
    for name, figures in rows.items():
        cells = [f"{figures[column]:.4f}" if column in figures else "-" for column in columns]
        lines.append(_row(name, cells, first, widths))
    waited = f"; training waited for data {end.waited:.0%} of its time" if end.waited else ""
    return ["", *lines, *_class_table(end.best, each, classes), f"finished in {clock(end.seconds)}{waited}"]


def _of_classes(figures: Mapping[str, float], classes: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The figures that are a class's, each with the metric's label and the class."""
    split = {name: name.partition("/") for name in figures}
    return {name: (label, rest) for name, (label, _, rest) in split.items() if rest in classes}


def _class_table(
    figures: Mapping[str, float], found: Mapping[str, tuple[str, str]], classes: Sequence[str]
) -> list[str]:
    columns = list(dict.fromkeys(label for label, _ in found.values()))
    if not columns:
        return []
    rows = [(each, [f"{figures.get(f'{column}/{each}', nan):.4f}" for column in columns]) for each in classes]
    first, widths = max(map(len, classes)), [max(len(column), 6) for column in columns]
    return ["", _row("", columns, first, widths), *(_row(each, cells, first, widths) for each, cells in rows), ""]


def _row(name: str, cells: Sequence[str], first: int, widths: Sequence[int]) -> str:
    return f"{name:<{first}}  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


def clock(seconds: float) -> str:
    """Seconds as hours, minutes and seconds: ``1:02:03``."""
    minutes, second = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
