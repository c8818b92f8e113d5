"""Options of the built-in losses."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from frame import OfKind, Options, Part

Weight = Annotated[float, Field(ge=0)]


class MaskOptions(Options):
    bce: Weight = 1.0
    """Weight of the cross-entropy: binary for one class, over a softmax for more."""
    iou: Weight = 1.0
    """Weight of the soft IoU loss, ``1 - IoU`` of an image."""

    @model_validator(mode="after")
    def _has_a_term(self) -> Self:
        if self.bce == self.iou == 0:
            raise ValueError("bce and iou are both 0: nothing is left to learn from")
        return self


class DeepSupervisionOptions(Options):
    loss: Annotated[Part, OfKind("loss")] = Field(default="mask", validate_default=True)
    """The loss of each coarser output, upsampled to the mask's size: a name, or a table with a name and options."""
    weights: tuple[Weight, ...] | None = None
    """One weight for each coarser output, finest first; without it, all count the same."""

    @model_validator(mode="after")
    def _has_a_side(self) -> Self:
        if self.weights is not None and sum(self.weights) == 0:
            raise ValueError("weights: at least one must be above 0")
        return self


class BalanceOptions(Options):
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """How much of the running share of each expert is kept a step; 0 counts the present batch alone."""
