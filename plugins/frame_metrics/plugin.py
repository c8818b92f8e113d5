"""The built-in metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import Component, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def frame_metrics() -> Iterator[Component]:
    yield Component(
        name="iou",
        target="frame_metrics.overlap:iou",
        options="frame_metrics.options:OverlapOptions",
        summary="Intersection over union: mean over images, or over classes where there are many",
    )
    yield Component(
        name="dice",
        target="frame_metrics.overlap:dice",
        options="frame_metrics.options:OverlapOptions",
        summary="Dice coefficient: mean over images, or over classes where there are many",
    )
    yield Component(
        name="cod",
        target="frame_metrics.cod:ObjectMeasures",
        options="frame_metrics.options:ObjectOptions",
        summary="The tables' S, E, F, weighted F and MAE, on maps stretched to [0, 1] and 8 bits",
        serves=("binary",),
    )
    yield Component(
        name="mae",
        target="frame_metrics.mae:MeanAbsoluteError",
        summary="Mean absolute error of the probability; tables print that of the stretched map, cod/mae",
        serves=("binary",),
    )
