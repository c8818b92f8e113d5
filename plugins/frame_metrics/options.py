"""Options of the built-in metrics."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from frame import Options

ObjectFigure = Literal["s", "e_mean", "e_max", "e_adaptive", "f_mean", "f_max", "f_adaptive", "wf", "mae"]


class OverlapOptions(Options):
    threshold: float = Field(default=0.5, ge=0, lt=1)
    """A pixel is foreground above this probability. Binary work only: of many classes the likeliest is taken."""


class ObjectOptions(Options):
    figures: tuple[ObjectFigure, ...] = Field(
        default=("s", "e_mean", "e_max", "e_adaptive", "f_mean", "f_max", "f_adaptive", "wf", "mae"), min_length=1
    )
    """Which figures, in this order; the first is the main one. What none of them needs is not computed."""
    keep_mb: int = Field(default=512, ge=0)
    """Memory in MB, a process, for what depends on a mask alone, so that later epochs need a fraction of the time:
    about 2 bytes a pixel, a quarter of a MB at 352 x 352. When it is full, further masks are worked out each time; 0
    keeps nothing, which suits a single pass."""
    count_empty: bool = True
    """Whether images with an empty mask count, as in the field's toolboxes, though their F and wF are 0 whatever is
    predicted."""

    @field_validator("figures")
    @classmethod
    def _each_once(cls, figures: tuple[ObjectFigure, ...]) -> tuple[ObjectFigure, ...]:
        if len(set(figures)) < len(figures):
            raise ValueError("each figure may be named once")
        return figures
