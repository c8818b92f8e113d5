"""Options of the heads."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from frame import OfKind, Options, Part

SEVEN: Any = ("texture", "attention", "hybrid", "frequency", "edge", "context", "contrast")  # names; validation binds


class FPNOptions(Options):
    """The decoder that both heads share."""

    width: int = Field(default=64, ge=8)
    """Channels of every map in the head."""
    side_outputs: bool = True
    """Give logits at the coarser levels too, which deep supervision needs."""


class ExpertsOptions(Options):
    """Table and picture of what the experts did."""

    images: int = Field(default=8, ge=1, le=64)
    """How many images to show for each expert: those for which the router gave it the highest probability."""
    height: int = Field(default=96, ge=32, le=512)
    """Height of each image, in pixels."""


class MoEOptions(FPNOptions):
    """A mixture of experts at every level."""

    experts: tuple[Annotated[Part, OfKind("expert")], ...] = Field(
        default=SEVEN, validate_default=True, min_length=1, max_length=64
    )
    """The experts of each level: names, or tables with a name and options. One may be named twice."""
    shared: Annotated[Part, OfKind("expert")] | None = None
    """One more expert of each level, which works on every image."""
    top_k: int = Field(default=3, ge=1)
    """How many experts work on an image, at each level."""
    temperature: float = Field(default=1.0, gt=0)
    """Divides the router's scores: above 1 the experts share more evenly, below 1 less."""
    noise: float = Field(default=0.0, ge=0)
    """Standard deviation of the noise on the router's scores in training, so that all experts are tried."""
    dense_warmup: float = Field(default=0.0, ge=0, lt=1)
    """Share of the run, at its beginning, in which all experts work on each image in training."""
    selection_bias: bool = False
    """Choose experts by probability plus a bias, which the loss ``balance`` with ``by = "bias"`` moves."""

    @model_validator(mode="after")
    def _enough_experts(self) -> Self:
        if self.top_k > len(self.experts):
            there = "is 1 expert" if len(self.experts) == 1 else f"are {len(self.experts)} experts"
            raise ValueError(f"top_k = {self.top_k}, but there {there}; lower top_k or name more")
        return self
