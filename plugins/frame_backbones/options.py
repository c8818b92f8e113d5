"""Options of the backbones."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (pydantic needs it at run time)
from typing import TYPE_CHECKING, Self

from pydantic import Field

from frame import Options

if TYPE_CHECKING:
    from collections.abc import Iterable


class PretrainedOptions(Options):
    """A backbone whose weights may be loaded."""

    pretrained: bool = False
    """Start from timm's weights (ImageNet), downloaded once; without a network use ``checkpoint``."""
    checkpoint: Path | None = None
    """A local file of weights (``.safetensors``, ``.pth``, ``.pt``), used instead of ``pretrained``."""
    drop_path: float = Field(default=0.0, ge=0, lt=1)
    """Stochastic depth: the chance that the last residual block is left out in training; earlier ones less."""

    def problems(self) -> Iterable[str]:
        if self.checkpoint is not None and not self.checkpoint.is_file():
            yield f"checkpoint: there is no file {self.checkpoint}; give a weights file, or leave the option out"

    def loaded(self) -> Self:
        return self.model_copy(update={"pretrained": False, "checkpoint": None})


class TimmOptions(PretrainedOptions):
    """Any timm model that gives feature maps."""

    model: str
    """The model's name in timm, such as ``"resnet18"`` or ``"convnext_tiny.fb_in22k"``."""
    out_indices: tuple[int, ...] | None = Field(default=None, min_length=1)
    """Which of the model's maps to use, finest first, such as ``[1, 2, 3, 4]``; by default all that timm gives."""
    arguments: dict[str, bool | int | float | str] = Field(default_factory=dict)
    """Further arguments of the model's constructor, such as ``{img_size = 352}`` for a Swin."""
