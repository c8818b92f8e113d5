"""What this plugin adds to Frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import Component, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

EDGENEXT = {  # name to parameters of the feature extractor, in millions
    "edgenext_xx_small": 1.2,
    "edgenext_x_small": 2.1,
    "edgenext_small": 5.3,
    "edgenext_base": 17.9,
}


@hookimpl
def frame_backbones() -> Iterable[Component]:
    for name, millions in EDGENEXT.items():
        yield Component(
            name=name,
            target=f"frame_backbones.edgenext:{name}",
            options="frame_backbones.options:PretrainedOptions",
            summary=f"Convolutions and transposed attention, strides 4 to 32, {millions} M parameters",
        )
    yield Component(
        name="timm",
        target="frame_backbones.timm_backbone:TimmBackbone",
        options="frame_backbones.options:TimmOptions",
        summary="Any timm model that gives feature maps, by its name",
    )
