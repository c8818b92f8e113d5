"""Options of the built-in losses."""

from __future__ import annotations

from typing import Annotated, Literal, Self

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


class ClassWeightedOptions(Options):
    class_weights: tuple[Weight, ...] | None = None
    """One weight for each class; without it, all count the same."""

    @model_validator(mode="after")
    def _has_a_class(self) -> Self:
        if self.class_weights is not None and sum(self.class_weights) == 0:
            raise ValueError("class_weights: at least one must be above 0")
        return self


class CrossEntropyOptions(ClassWeightedOptions):
    class_weights: tuple[Weight, ...] | None = None
    """One weight for each class, with one class the background's and the object's; without it, all count the same."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """The share of each pixel's truth that is spread evenly over all classes."""


class OverlapOptions(ClassWeightedOptions):
    smooth: float = Field(default=1.0, gt=0)
    """Pixels added above and below the ratio, which keep it finite on an empty mask."""


class TverskyOptions(OverlapOptions):
    alpha: Weight = 0.3
    """Weight of the pixels taken for the object that are not of it."""
    beta: Weight = 0.7
    """Weight of the object's pixels that are missed; with alpha both 0.5 is Dice, both 1 soft IoU."""
    gamma: float = Field(default=1.0, gt=0)
    """Exponent of the loss of an image; other than 1 it is the focal Tversky loss, of the authors with 0.75."""

    @model_validator(mode="after")
    def _sees_errors(self) -> Self:
        if self.alpha == self.beta == 0:
            raise ValueError("alpha and beta are both 0: every prediction would be right")
        return self


class FocalOptions(Options):
    gamma: float = Field(default=2.0, ge=0)
    """How strongly pixels that are right already are left alone; 0 is cross-entropy."""
    alpha: Annotated[float, Field(ge=0, le=1)] | tuple[Weight, ...] | None = None
    """The object's weight, against 1 - alpha of the background; for many classes, a weight for each."""


class StructureOptions(Options):
    window: int = Field(default=31, ge=3)
    """Side in pixels, odd, of the window in which a pixel is compared with its neighbours."""
    boundary: Weight = 5.0
    """How much more a pixel counts whose neighbours are all of the other kind; 0 weighs all the same."""

    @model_validator(mode="after")
    def _has_a_middle(self) -> Self:
        _refuse_even("window", self.window)
        return self


class BoundaryOptions(Options):
    width: int = Field(default=3, ge=3)
    """Side in pixels, odd, of the window whose middle is on the boundary if any of it is outside the object."""
    tolerance: int = Field(default=2, ge=0)
    """By how many pixels two boundaries may miss each other."""

    @model_validator(mode="after")
    def _has_a_middle(self) -> Self:
        _refuse_even("width", self.width)
        return self


def _refuse_even(name: str, value: int) -> None:
    if value % 2 == 0:
        raise ValueError(f"{name}: must be odd, so that a pixel is in the middle; take {value + 1}")


class DeepSupervisionOptions(Options):
    loss: Annotated[Part, OfKind("loss")] = Field(default="mask", validate_default=True)
    """The loss of each coarser output, upsampled to the mask's size: a name, or a table with a name and options."""
    weights: tuple[Weight, ...] | None = None
    """One weight for each coarser output, finest first; without it, all count the same."""
    decay: Literal["none", "linear", "cosine"] = "none"
    """How this loss falls over the run, all its stages together, from its full weight at the first step."""
    final: float = Field(default=0.0, ge=0, le=1)
    """What is left of it at the last step, if it decays."""

    @model_validator(mode="after")
    def _has_a_side(self) -> Self:
        if self.weights is not None and sum(self.weights) == 0:
            raise ValueError("weights: at least one must be above 0")
        return self


class BalanceOptions(Options):
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """How much of the running share of each expert is kept a step; 0 counts the present batch alone."""
    by: Literal["router", "bias"] = "router"
    """What is changed: the router's probabilities, or only the bias of ``head.selection_bias``."""
    per_level: bool = False
    """Even work at each level for itself; without, over all levels, and a level may have favourites."""
