"""The built-in losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import Component, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def frame_losses() -> Iterator[Component]:
    yield Component(
        name="mask",
        target="frame_losses.mask:MaskLoss",
        options="frame_losses.options:MaskOptions",
        summary="Cross-entropy and soft IoU of the mask",
    )
    yield Component(
        name="structure",
        target="frame_losses.structure:StructureLoss",
        options="frame_losses.options:StructureOptions",
        summary="Cross-entropy and soft IoU, weighted towards boundaries (F3Net)",
    )
    yield Component(
        name="cross_entropy",
        target="frame_losses.cross_entropy:CrossEntropy",
        options="frame_losses.options:CrossEntropyOptions",
        summary="Cross-entropy of every pixel, with class weights and label smoothing",
    )
    yield Component(
        name="focal",
        target="frame_losses.focal:Focal",
        options="frame_losses.options:FocalOptions",
        summary="Cross-entropy that leaves alone what is right already",
    )
    yield Component(
        name="soft_iou",
        target="frame_losses.overlap:SoftIoU",
        options="frame_losses.options:OverlapOptions",
        summary="1 - IoU of soft areas",
    )
    yield Component(
        name="dice",
        target="frame_losses.overlap:Dice",
        options="frame_losses.options:OverlapOptions",
        summary="1 - Dice of soft areas",
    )
    yield Component(
        name="tversky",
        target="frame_losses.overlap:Tversky",
        options="frame_losses.options:TverskyOptions",
        summary="Dice that weighs what is missed and what is false; focal by its gamma",
    )
    yield Component(
        name="lovasz",
        target="frame_losses.lovasz:Lovasz",
        options="frame_losses.options:ClassWeightedOptions",
        summary="Convex surrogate of IoU: hinge for one class, softmax for many",
    )
    yield Component(
        name="edge",
        target="frame_losses.edge:EdgeLoss",
        summary="Squared difference of Sobel gradients",
    )
    yield Component(
        name="boundary",
        target="frame_losses.edge:BoundaryLoss",
        options="frame_losses.options:BoundaryOptions",
        summary="1 - F1 of the boundaries, within a tolerance",
    )
    yield Component(
        name="deep_supervision",
        target="frame_losses.deep_supervision:DeepSupervision",
        options="frame_losses.options:DeepSupervisionOptions",
        summary="Another loss on the head's coarser logits, constant or decaying",
    )
    yield Component(
        name="balance",
        target="frame_losses.balance:Balance",
        options="frame_losses.options:BalanceOptions",
        summary="Even work for a router's experts: 1 when balanced",
    )
    yield Component(
        name="router_z",
        target="frame_losses.router_z:RouterZ",
        summary="The router's scores kept small, so that rounding does not decide",
    )
