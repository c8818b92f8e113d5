"""The model as the engine sees it: a backbone, a head, and how the arithmetic of both is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from frame.contracts.model import Prediction
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frame.config.options import Part


class Segmenter(nn.Module):
    """Backbone and head. ``[B, 3, H, W]`` float32, ImageNet-normalised, to a :class:`Prediction` at H x W."""

    memory_format = torch.contiguous_format
    """In which images should come."""

    def __init__(self, backbone: nn.Module, head: nn.Module, autocast: torch.dtype | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.autocast = autocast

    def forward(self, image: Tensor) -> Prediction:
        if self.autocast is None:
            return Prediction(*self._predicted(image))
        # Entered here and not around the call: autocast's dtype is thread-local, so DataParallel's replicas would
        # not see it from outside.
        with torch.autocast(image.device.type, dtype=self.autocast):
            logits, side, extras = self._predicted(image)
        return Prediction(logits.float(), tuple(each.float() for each in side), extras)

    def _predicted(self, image: Tensor) -> Prediction:
        return self.head(self.backbone(image), tuple(image.shape[-2:]))  # type: ignore[no-any-return]

    @property
    def extra_names(self) -> dict[str, tuple[str, ...]]:
        """What the columns of the head's extras stand for, by the extra's name; nothing if it does not say."""
        names: dict[str, tuple[str, ...]] = dict(getattr(self.head, "extra_names", {}))
        for extra, columns in names.items():
            if len(set(columns)) < len(columns):
                raise UserError(f"head: its extra_names has one name twice for {extra!r}; give each column its own")
        return names

    def backbone_stages(self) -> list[list[nn.Module]]:
        """The backbone's modules by stage, from the image's side; one stage if it names none."""
        stages: Sequence[Sequence[nn.Module]] = getattr(self.backbone, "stages", None) or [[self.backbone]]
        return [list(stage) for stage in stages]


def segmenter(backbone: Part, head: Part, num_classes: int) -> Segmenter:
    """The model of two bound parts."""
    features = backbone()
    return Segmenter(
        features,
        head(channels=tuple(features.channels), strides=tuple(features.strides), num_classes=num_classes),
    )


def parameter_count(module: nn.Module) -> int:
    """Number of trainable values."""
    return sum(parameter.numel() for parameter in module.parameters())
