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
        name="deep_supervision",
        target="frame_losses.deep_supervision:DeepSupervision",
        options="frame_losses.options:DeepSupervisionOptions",
        summary="Another loss on the head's coarser logits",
    )
    yield Component(
        name="balance",
        target="frame_losses.balance:Balance",
        options="frame_losses.options:BalanceOptions",
        summary="Even work for a router's experts: 1 when balanced",
    )
